// Sign compression with and without error feedback (algorithms 3 and 4 of arXiv 1808.07217): one bit per number and one
// scale per parameter tensor. Formulas and collectives: local_sgd/compressor.h.
#include <algorithm>
#include <bit>

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "kernels/sign.h"
#include "local_sgd/compressor.h"

namespace skein {
namespace {

constexpr int64_t kWord = 32;  // bits

// Segments of the bit stream, in the order of the flat vector. It differs from the parameters' order: the decayed ones
// come first.
std::vector<SignSegment> stream_of(const ParameterStore& parameters) {
  std::vector<SignSegment> stream;
  for (const Segment& s : parameters.segments()) stream.push_back({s.begin, s.count, 0});
  std::sort(stream.begin(), stream.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < stream.size(); ++i) stream[i].bit = stream[i - 1].bit + stream[i - 1].count;
  return stream;
}

// A shard: numbers [begin, end) of the flat vector, and the words of the stream that hold their bits. The last word may
// also hold bits of the next shard.
struct BitShard {
  int64_t begin, end, first_word, words;
  int64_t size() const { return end - begin; }
};

// The compressed mean that the owner of a shard sends back: the shard as a flat vector with a bit stream of its own.
struct Reply {
  std::vector<SignSegment> segments;  // begin counts from the shard's begin
  Tensor on_device;
  int64_t words = 0;
  int64_t scales() const { return int64_t(segments.size()); }
  SignLayout layout() const { return {on_device.view().as<SignSegment>(), scales()}; }
};

Tensor to_device(const std::vector<SignSegment>& segments, Queue queue) {
  Tensor copy = Tensor::empty(queue.device, DType::u8, {int64_t(segments.size() * sizeof(SignSegment))});
  if (!segments.empty()) queue.run(kernel::copy_from_host, segments.data(), copy);
  return copy;
}

View as_floats(View bits) {
  bits.dtype = DType::f32;
  return bits;
}

class SignCompressor : public Compressor {
 public:
  SignCompressor(CompressionOptions options, const ParameterStore& parameters, Queue queue)
      : options_(options),
        queue_(queue),
        segments_(stream_of(parameters)),
        size_(parameters.value.numel()),
        words_((parameters.count() + kWord - 1) / kWord) {
    on_device_ = to_device(segments_, queue);
    message_ = Tensor::empty(queue.device, DType::i32, {words_ + scales()});
    if (options.error_feedback) memory_ = Tensor::zeros(queue.device, DType::f32, {size_});
    if (options.two_way) owner_memory_ = Tensor::zeros(queue.device, DType::f32, {size_});
  }

  View mean(View consensus, View value, Communicator& ranks, const SignTies& ties) override {
    prepare(ranks.size());
    const Tensor mean = mean_.slice(0, {size_});
    // Without an error memory the differences lie in `mean`, which is not needed until decode().
    pack(consensus, value, options_.error_feedback ? memory_ : mean, ties);
    if (exchanges_)
      exchange(ranks, ties);
    else
      gather(ranks);
    return mean;
  }

  std::vector<NamedTensor> state() override {
    std::vector<NamedTensor> all;
    if (options_.error_feedback) all.push_back({"error", memory_});
    if (options_.two_way) all.push_back({"owner_error", owner_memory_});
    return all;
  }

 private:
  int64_t scales() const { return int64_t(segments_.size()); }
  SignLayout layout() const { return {on_device_.view().as<SignSegment>(), scales()}; }
  SignMessages received(const BitShard& shard) const { return {received_, shard_words_, shard.first_word}; }

  BitShard shard_of(int64_t rank, int64_t ranks) const {
    const int64_t begin = std::min(rank * shard_size(ranks), size_), end = std::min(begin + shard_size(ranks), size_);
    const int64_t first = bit_at(begin) / kWord;
    return {begin, end, first, (bit_at(end) + kWord - 1) / kWord - first};
  }
  int64_t shard_size(int64_t ranks) const { return (size_ + ranks - 1) / ranks; }
  // Bits of the stream before flat position `at`.
  int64_t bit_at(int64_t at) const {
    const auto next = std::find_if(segments_.rbegin(), segments_.rend(), [&](const auto& s) { return s.begin <= at; });
    return next == segments_.rend() ? 0 : next->bit + std::min(at - next->begin, next->count);
  }

  void prepare(int ranks) {
    if (int64_t(shards_.size()) == ranks) return;
    const int64_t digits = std::bit_width(unsigned(ranks));  // ceil(log2(ranks + 1))
    const bool cheaper = ranks > 1 + (options_.mean_of_means ? digits : kWord);
    exchanges_ = options_.two_way || options_.collective == Collective::all_to_all ||
                 (options_.collective == Collective::cheapest && cheaper);
    shards_.clear();
    for (int r = 0; r < ranks; ++r) shards_.push_back(shard_of(r, ranks));
    shard_words_ = words_;
    if (exchanges_)
      shard_words_ = std::max_element(shards_.begin(), shards_.end(), [](const BitShard& a, const BitShard& b) {
                       return a.words < b.words;
                     })->words;
    const auto ints = [&](Shape s) { return Tensor::zeros(queue_.device, DType::i32, s); };
    received_ = ints({ranks, shard_words_ + scales()});
    const int64_t shard = shard_size(ranks);
    mean_ = Tensor::zeros(queue_.device, DType::f32, {exchanges_ ? ranks * shard : size_});
    to_ = exchanges_ ? ints({ranks, shard_words_ + scales()}) : Tensor();
    planes_ = options_.mean_of_means ? ints({digits, shard_words_}) : Tensor();
    all_planes_ = options_.mean_of_means && exchanges_ ? ints({ranks * digits, shard_words_}) : Tensor();
    shard_ = exchanges_ && !options_.mean_of_means ? Tensor::zeros(queue_.device, DType::f32, {shard}) : Tensor();
    if (options_.two_way) prepare_replies();
  }

  void prepare_replies() {
    int64_t longest = 0;
    replies_.clear();
    for (const BitShard& p : shards_) {
      Reply reply;
      int64_t bits = 0;
      for (const SignSegment& s : segments_) {
        const int64_t first = std::max(s.begin, p.begin), last = std::min(s.begin + s.count, p.end);
        if (first >= last) continue;
        reply.segments.push_back({first - p.begin, last - first, bits});
        bits += last - first;
      }
      reply.on_device = to_device(reply.segments, queue_);
      reply.words = (bits + kWord - 1) / kWord;
      longest = std::max(longest, reply.words + reply.scales());
      replies_.push_back(std::move(reply));
    }
    reply_ = Tensor::zeros(queue_.device, DType::i32, {longest});
    all_replies_ = Tensor::zeros(queue_.device, DType::i32, {int64_t(shards_.size()) * longest});
    zeros_ = Tensor::zeros(queue_.device, DType::f32, shard_.shape());
  }

  void pack(View consensus, View value, View differences, const SignTies& ties) {
    const View words = message_.slice(0, {words_}), memory = memory_;
    const View scale = as_floats(message_.slice(words_, {scales()}));
    queue_.run(kernel::sign_scales, layout(), consensus, value, memory, differences, scale);
    queue_.run(kernel::sign_pack, layout(), differences, scale, words, memory, ties);
  }

  void gather(Communicator& ranks) {
    ranks.all_gather(message_, received_);
    decode(shards_.front(), 0, mean_);
  }

  void exchange(Communicator& ranks, const SignTies& ties) {
    for (size_t r = 0; r < shards_.size(); ++r) {
      const int64_t at = int64_t(r) * (shard_words_ + scales());
      const auto copy = [&](int64_t from, int64_t to, int64_t n) {
        queue_.run(kernel::copy, message_.slice(from, {n}), to_.slice(at + to, {n}));
      };
      copy(shards_[r].first_word, 0, shards_[r].words);
      copy(words_, shard_words_, scales());
    }
    ranks.all_to_all(to_, received_);
    const BitShard& mine = shards_[size_t(ranks.rank())];
    if (options_.mean_of_means) return gather_counts(mine, ranks);
    decode(mine, mine.begin, shard_.slice(0, {mine.size()}));
    if (options_.two_way) return gather_replies(mine, ranks, {ties.step, ties.rank, true});
    ranks.all_gather(shard_, mean_);
  }

  void gather_counts(const BitShard& mine, Communicator& ranks) {
    queue_.run(kernel::sign_count, received(mine), planes_);
    ranks.all_gather(planes_, all_planes_);
    for (size_t r = 0; r < shards_.size(); ++r) {
      const BitShard& p = shards_[r];
      const Tensor planes = all_planes_.slice(int64_t(r) * planes_.numel(), planes_.shape());
      queue_.run(kernel::sign_count_mean, layout(), received(p), planes, p.begin, mean_.slice(p.begin, {p.size()}));
    }
  }

  // Compresses the shard's mean, which is in shard_.
  void gather_replies(const BitShard& mine, Communicator& ranks, const SignTies& ties) {
    const Reply& own = replies_[size_t(ranks.rank())];
    const View words = reply_.slice(0, {own.words}), scale = as_floats(reply_.slice(own.words, {own.scales()}));
    const View mean = shard_.slice(0, {mine.size()}), memory = owner_memory_.slice(mine.begin, {mine.size()});
    queue_.run(kernel::sign_scales, own.layout(), mean, zeros_.slice(0, {mine.size()}), memory, memory, scale);
    queue_.run(kernel::sign_pack, own.layout(), memory, scale, words, memory, ties);
    ranks.all_gather(reply_, all_replies_);
    for (size_t r = 0; r < shards_.size(); ++r) {
      const Reply& reply = replies_[r];
      const Tensor message = all_replies_.slice(int64_t(r) * reply_.numel(), {reply.words + reply.scales()});
      queue_.run(kernel::sign_mean, reply.layout(), SignMessages{message, reply.words, 0}, 0,
                 mean_.slice(shards_[r].begin, {shards_[r].size()}));
    }
  }

  // Mean of the numbers from `begin` on, from the words received.
  void decode(const BitShard& shard, int64_t begin, View mean) {
    const SignMessages messages = received(shard);
    if (options_.mean_of_means) {
      queue_.run(kernel::sign_count, messages, planes_);
      queue_.run(kernel::sign_count_mean, layout(), messages, planes_, begin, mean);
    } else {
      queue_.run(kernel::sign_mean, layout(), messages, begin, mean);
    }
  }

  CompressionOptions options_;
  Queue queue_;
  std::vector<SignSegment> segments_;
  int64_t size_, words_;  // numbers of the flat vector, words of the stream
  Tensor on_device_;      // segments_
  Tensor message_;        // this rank's words and scales
  Tensor memory_;         // error memory e, a flat vector; undefined without error feedback
  Tensor owner_memory_;   // two-way: error memory of this rank's shard as its owner, zero elsewhere

  // Set at the first call, when the number of ranks is known.
  bool exchanges_ = false;
  std::vector<BitShard> shards_;
  int64_t shard_words_ = 0;  // of the largest shard, or words_
  Tensor to_, received_, planes_, all_planes_, shard_, mean_;
  std::vector<Reply> replies_;  // by owner
  Tensor reply_, all_replies_, zeros_;
};

}  // namespace

std::unique_ptr<Compressor> make_sign_compressor(CompressionOptions options, const ParameterStore& parameters,
                                                 Queue queue) {
  return std::make_unique<SignCompressor>(options, parameters, queue);
}

}  // namespace skein
