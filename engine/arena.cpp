#include "engine/arena.h"

#include <algorithm>

#include "base/check.h"

namespace skein {
namespace {

constexpr size_t kChunk = size_t(64) << 20;
// Requests below this size do not split a larger free piece: per-channel statistics must not break up a feature map.
constexpr size_t kSmall = size_t(64) << 10;

bool by_number(const auto& a, const auto& b) { return a.number < b.number; }

}  // namespace

Arena::Piece Arena::bump(size_t bytes) {
  while (chunk_ < chunks_.size() && offset_ + bytes > size_t(chunks_[chunk_].numel())) {
    if (const size_t rest = size_t(chunks_[chunk_].numel()) - offset_; rest > 0)
      free_.push_back({chunks_[chunk_].view().as<char>() + offset_, rest, chunk_, returned_++});
    ++chunk_, offset_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    const Shape size{int64_t(std::max(bytes, kChunk))};
    chunks_.push_back(backing_ == Backing::memory ? Tensor::empty(device_, DType::u8, size)
                                                  : Tensor::meta(device_, DType::u8, size));
  }
  const Piece piece{chunks_[chunk_].view().as<char>() + offset_, bytes, chunk_, 0};
  offset_ += bytes;
  return piece;
}

void Arena::join_free() {
  std::sort(free_.begin(), free_.end(),
            [](const Piece& a, const Piece& b) { return a.chunk != b.chunk ? a.chunk < b.chunk : a.data < b.data; });
  std::vector<Piece> joined;
  for (const Piece& p : free_) {
    if (joined.empty() || joined.back().chunk != p.chunk || joined.back().data + joined.back().bytes != p.data) {
      joined.push_back(p);
      continue;
    }
    joined.back().bytes += p.bytes;
    joined.back().number = std::max(joined.back().number, p.number);
  }
  free_ = std::move(joined);
  std::sort(free_.begin(), free_.end(), by_number<Piece, Piece>);
}

bool Arena::reuse(size_t bytes, Piece& piece) {
  const auto same = std::find_if(free_.rbegin(), free_.rend(), [bytes](const Piece& p) { return p.bytes == bytes; });
  if (same != free_.rend()) {
    piece = *same;
    free_.erase(std::next(same).base());
    return true;
  }
  if (bytes < kSmall || free_.empty()) return false;
  join_free();
  auto best = free_.end();
  for (auto p = free_.begin(); p != free_.end(); ++p)
    if (p->bytes >= bytes && (best == free_.end() || p->bytes < best->bytes)) best = p;
  if (best == free_.end()) return false;
  piece = {best->data, bytes, best->chunk, 0};
  best->data += bytes;
  best->bytes -= bytes;
  if (best->bytes == 0) free_.erase(best);
  return true;
}

Tensor Arena::take(DType t, Shape s) {
  const size_t bytes = padded_bytes(t, s);
  Piece piece{};
  if (!reuse(bytes, piece)) piece = bump(bytes);
  piece.number = taken_++;
  out_.push_back(piece);
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  return chunks_[piece.chunk].at(piece.data, t, s);
}

void Arena::release(std::vector<Piece>::iterator out) {
  in_use_ -= out->bytes;
  free_.push_back({out->data, out->bytes, out->chunk, returned_++});
  out_.erase(out);
}

void Arena::release(const Tensor& x) {
  const auto last = std::find_if(out_.rbegin(), out_.rend(), [&](const Piece& p) { return p.data == x.view().data; });
  CHECK(last != out_.rend(), "memory is given back that is not out: twice, or not of this arena");
  release(std::next(last).base());
}

void Arena::release(int64_t from, int64_t to, const Tensor& kept) {
  for (size_t i = out_.size(); i-- > 0 && out_[i].number >= from;)
    if (out_[i].number < to && out_[i].data != kept.view().data) release(out_.begin() + std::ptrdiff_t(i));
}

size_t Arena::reserved() const {
  size_t bytes = 0;
  for (const Tensor& c : chunks_) bytes += size_t(c.numel());
  return bytes;
}

void Arena::reset() {
  out_.clear();
  free_.clear();
  chunk_ = offset_ = in_use_ = 0;
  taken_ = returned_ = 0;
}

}  // namespace skein
