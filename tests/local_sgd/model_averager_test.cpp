// Averaging of models: identities to the bit, outer momentum against plain loops, states that continue.
#include "local_sgd/model_averager.h"

#include <gtest/gtest.h>

#include <cmath>

#include "local_sgd/worker_mean.h"
#include "tests/support/models_on_threads.h"

namespace skein::testing {
namespace {

const std::vector<std::string> kCompressors = {
    "none", "bf16",          "sign",        "sign:mean-of-means", "ef-sign", "ef-sign:mean-of-means", "ef-sign:two-way",
    "q8",   "ef-q2:two-way", "ef-topk:0.02"};
const std::vector<OuterMomentum> kOuter = {{}, {0.75f, 1.0f, true}, {0.5f, 1.0f, false}, {0.0f, 0.7f, true}};

// Rounds [first, last) of drift and averaging on one rank.
void run_rounds(ParameterStore& p, ModelAverager& averager, Communicator& ranks, int first, int last) {
  for (int round = first; round < last; ++round) {
    drift(p, ranks.rank(), round);
    averager.average(ranks, {.ties = {uint64_t(round), uint32_t(ranks.rank())}});
  }
}

// The models of all ranks after `rounds` rounds.
using Models = std::vector<std::vector<float>>;
Models models_after(int size, const std::string& compressor, OuterMomentum outer, int rounds) {
  Models models(static_cast<size_t>(size));
  on_ranks(size, [&](Communicator& ranks) {
    const auto p = small_store();
    run_rounds(*p, *make_averager(*p, compressor, outer), ranks, 0, rounds);
    models[size_t(ranks.rank())] = p->value.to_vector();
    EXPECT_EQ(largest_in_padding(*p, p->value.to_vector()), 0);
  });
  return models;
}

TEST(Averager, OneRankFollowsTheSameRules) {
  const auto start = small_store();
  const auto after = [&](const std::string& compressor, OuterMomentum outer) {
    return models_after(1, compressor, outer, 1)[0];
  };
  drift(*start, 0, 0);
  const std::vector<float> moved = start->value.to_vector(), begin = small_store()->value.to_vector();
  EXPECT_TRUE(same_bits(after("none", {}), moved)) << "the mean of one model";
  EXPECT_FALSE(same_bits(after("ef-sign", {}), moved));
  const std::vector<float> outer = after("none", {0.5f, 0.7f, true});  // u = Delta; c - 0.7 (Delta + 0.5 u)
  for (size_t i = 0; i < moved.size(); ++i)
    ASSERT_NEAR(outer[i], double(begin[i]) - 0.7 * 1.5 * (double(begin[i]) - double(moved[i])), 1e-6) << i;
}

TEST(Averager, TakesTheMeanOfF32) {
  for (const int size : {2, 3, 4}) {
    std::vector<double> mean;
    for (int r = 0; r < size; ++r) {
      const auto p = small_store();
      drift(*p, r, 0);
      mean.resize(size_t(p->value.numel()));
      for (size_t i = 0; i < mean.size(); ++i) mean[i] += double(p->value.host()[i]) / size;
    }
    const std::vector<float> model = models_after(size, "none", {}, 1).back();
    for (size_t i = 0; i < mean.size(); ++i) ASSERT_NEAR(model[i], mean[i], 1e-7);
  }
}

// Evaluation averages K workers behind one rank, training one worker behind each of K ranks.
TEST(WorkerMean, IsTheSameBitsInOneProcessAndOverRanks) {
  for (const int size : {1, 2, 3, 7}) {
    std::vector<std::unique_ptr<ParameterStore>> workers;
    std::vector<View> values;
    for (int r = 0; r < size; ++r) {
      workers.push_back(small_store());
      drift(*workers.back(), r, 0);
      values.push_back(workers.back()->value);
    }
    const Tensor mean = Tensor::empty(Device::cpu, DType::f32, {workers[0]->value.numel()});
    on_ranks(1, [&](Communicator& alone) { mean_over_workers(values, mean, alone, Queue{}); });
    on_ranks(size, [&](Communicator& ranks) {
      const View own = values[size_t(ranks.rank())];
      mean_over_workers({&own, 1}, own, ranks, Queue{});
    });
    for (const auto& w : workers) EXPECT_TRUE(same_bits(w->value.to_vector(), mean.to_vector())) << size;
  }
}

TEST(Averager, LeavesAllRanksEqualAndRepeats) {
  for (const int size : {2, 3, 4})
    for (const std::string& compressor : kCompressors)
      for (const OuterMomentum& outer : kOuter) {
        const Models models = models_after(size, compressor, outer, 3),
                     again = models_after(size, compressor, outer, 3);
        for (const auto& model : models) EXPECT_TRUE(same_bits(model, models[0])) << size << " " << compressor;
        EXPECT_TRUE(same_bits(models[0], again[0])) << size << " " << compressor;
      }
}

TEST(Averager, OuterMomentumFollowsItsFormula) {
  constexpr int kRanks = 3, kRounds = 4;
  for (const OuterMomentum& outer : kOuter) {
    const auto start = small_store();
    std::vector<double> c, u(size_t(start->value.numel()));
    for (const float x : start->value.to_vector()) c.push_back(x);
    for (int round = 0; round < kRounds; ++round) {
      std::vector<double> delta(c.size());
      for (int r = 0; r < kRanks; ++r) {
        std::fill_n(start->value.host(), c.size(), 0.0f);
        drift(*start, r, round);  // alone: what the worker adds to c
        for (size_t i = 0; i < c.size(); ++i) delta[i] -= double(start->value.host()[i]) / kRanks;
      }
      for (size_t i = 0; i < c.size(); ++i) {
        u[i] = double(outer.momentum) * u[i] + delta[i];
        c[i] -= double(outer.rate) * (outer.nesterov ? delta[i] + double(outer.momentum) * u[i] : u[i]);
      }
    }
    const std::vector<float> model = models_after(kRanks, "none", outer, kRounds).front();
    for (size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(model[i], c[i], 1e-6) << i;
  }
}

// SlowMo, arXiv 1910.00643, algorithm 1, as fairscale's SlowMoDistributedDataParallel has it: the buffer is divided by
// the learning rate, u = m*u + (c - mean)/gamma, c = c - r*gamma*u.
TEST(Averager, SlowMomentumDropsWithTheRate) {
  constexpr double kMomentum = 0.7, kRate = 1.25;
  const std::vector<double> gammas = {0.4, 0.4, 0.4, 0.04, 0.04, 0.004};
  const auto model = [&](OuterForm form) {
    std::vector<float> end;
    on_ranks(2, [&](Communicator& ranks) {
      const auto p = small_store();
      const auto averager = make_averager(*p, "none", {float(kMomentum), float(kRate), false, form});
      for (size_t round = 0; round < gammas.size(); ++round) {
        drift(*p, ranks.rank(), int(round), float(gammas[round]));
        averager->average(ranks, {.rate = gammas[round]});
      }
      if (ranks.rank() == 0) end = p->value.to_vector();
    });
    return end;
  };
  const auto p = small_store();
  std::vector<double> c, u(size_t(p->value.numel()));
  for (const float x : p->value.to_vector()) c.push_back(double(x));
  for (size_t round = 0; round < gammas.size(); ++round) {
    std::vector<double> moved(c.size());
    for (int r = 0; r < 2; ++r) {
      cpu::zero({}, p->value);
      drift(*p, r, int(round), float(gammas[round]));
      for (size_t i = 0; i < c.size(); ++i) moved[i] += double(p->value.host()[i]) / 2;
    }
    for (size_t i = 0; i < c.size(); ++i) {
      u[i] = kMomentum * u[i] - moved[i] / gammas[round];
      c[i] -= kRate * gammas[round] * u[i];
    }
  }
  double off = 0;
  const std::vector<float> slowmo = model(OuterForm::slowmo), diloco = model(OuterForm::diloco);
  for (size_t i = 0; i < c.size(); ++i) {
    ASSERT_NEAR(slowmo[i], c[i], 2e-6) << i;
    off = std::max(off, std::abs(double(diloco[i]) - c[i]));
  }
  EXPECT_GT(off, 0.1) << "diloco's momentum keeps its length";
}

TEST(Averager, WithoutItsOuterStepIsTheMean) {
  on_ranks(3, [&](Communicator& ranks) {
    const auto plain = small_store(), p = small_store();
    const auto mean = make_averager(*plain, "none", {}), averager = make_averager(*p, "none", {0.9f, 0.7f, true});
    for (int round = 0; round < 2; ++round) {
      drift(*plain, ranks.rank(), round), drift(*p, ranks.rank(), round);
      mean->average(ranks, {}), averager->average(ranks, {.outer_step = false});
      EXPECT_TRUE(same_bits(p->value.to_vector(), plain->value.to_vector()));
    }
    EXPECT_TRUE(same_bits(averager->state()[0].tensor.to_vector(), p->value.to_vector())) << "the consensus follows";
    EXPECT_EQ(averager->state()[1].tensor.to_vector(), std::vector<float>(p->value.to_vector().size()));
  });
}

TEST(Averager, GoesOnFromItsState) {
  constexpr int kRanks = 3;
  for (const std::string& compressor : kCompressors)
    for (const OuterMomentum& outer : kOuter) {
      const Models straight = models_after(kRanks, compressor, outer, 4);
      on_ranks(kRanks, [&](Communicator& ranks) {
        const auto before = small_store(), after = small_store();
        const auto first = make_averager(*before, compressor, outer), second = make_averager(*after, compressor, outer);
        run_rounds(*before, *first, ranks, 0, 2);
        cpu::copy({}, before->value, after->value);
        const auto from = first->state(), to = second->state();
        ASSERT_EQ(from.size(), to.size());
        for (size_t i = 0; i < from.size(); ++i) {
          EXPECT_EQ(from[i].name, to[i].name);
          cpu::copy({}, from[i].tensor, to[i].tensor);
        }
        run_rounds(*after, *second, ranks, 2, 4);
        EXPECT_TRUE(same_bits(after->value.to_vector(), straight[0])) << compressor;
      });
    }
}

TEST(Averager, KeepsOnlyTheStateItNeeds) {
  const auto p = small_store();
  const auto names = [&](const std::string& compressor, OuterMomentum outer) {
    std::string all;
    for (const NamedTensor& t : make_averager(*p, compressor, outer)->state()) all += t.name + " ";
    return all;
  };
  EXPECT_EQ(names("none", {}), "");
  EXPECT_EQ(names("none", {0.5f, 1.0f, true}), "consensus outer_momentum ");
  EXPECT_EQ(names("sign", {}), "consensus ");
  EXPECT_EQ(names("ef-sign", {0.5f, 1.0f, true}), "consensus outer_momentum error ");
}

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i] - b[i]) * double(a[i] - b[i]);
  return sum;
}

void expect_norm(float actual, double expected, const std::string& what) {
  EXPECT_NEAR(double(actual), expected, 1e-5 * expected) << what;
}

// Two averagings, the second of which is measured and starts from the first one's consensus; against plain loops over
// the models.
TEST(Averager, MeasuresWithoutChangingBits) {
  constexpr int kRanks = 3;
  for (const std::string compressor : {"none", "ef-sign"})
    for (const OuterMomentum& outer : {OuterMomentum{}, OuterMomentum{0.75f, 1.0f, true}}) {
      std::vector<std::vector<float>> before(kRanks);
      on_ranks(kRanks, [&](Communicator& ranks) {
        const auto p = small_store(), plain = small_store();
        const auto averager = make_averager(*p, compressor, outer),
                   unmeasured = make_averager(*plain, compressor, outer);
        averager->measure(true);
        EXPECT_EQ(averager->state().size(), unmeasured->state().size());
        run_rounds(*plain, *unmeasured, ranks, 0, 2);
        drift(*p, ranks.rank(), 0);
        averager->average(ranks, {.ties = {0, uint32_t(ranks.rank())}, .measured = false});
        for (const float norm : averager->norms().to_vector()) EXPECT_TRUE(std::isnan(norm));
        const std::vector<float> consensus = p->value.to_vector();
        drift(*p, ranks.rank(), 1);
        auto& own = before[size_t(ranks.rank())];
        own = p->value.to_vector();
        averager->average(ranks, {.ties = {1, uint32_t(ranks.rank())}});
        EXPECT_TRUE(same_bits(p->value.to_vector(), plain->value.to_vector())) << compressor;
        ranks.barrier();
        std::vector<float> mean(consensus.size());
        for (const auto& w : before)
          for (size_t i = 0; i < mean.size(); ++i) mean[i] += w[i] / kRanks;

        const std::vector<float> norms = averager->norms().to_vector();
        expect_norm(norms[0], squared_distance(consensus, own), "delta");
        if (compressor == "none") expect_norm(norms[1], squared_distance(consensus, mean), "mean delta");
        expect_norm(norms[2], squared_distance(own, p->value.to_vector()), "distance");
        for (const NamedTensor& t : averager->state())
          if (t.name == "error")
            expect_norm(norms[3], squared_distance(t.tensor.to_vector(), std::vector<float>(mean.size())), "error");
        EXPECT_EQ(std::isnan(norms[1]), compressor != "none");
        EXPECT_EQ(std::isnan(norms[3]), compressor == "none");
      });
    }
}

}  // namespace
}  // namespace skein::testing
