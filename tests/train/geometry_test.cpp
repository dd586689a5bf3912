// Curvature and slices of the loss: the Hessian of a softmax regression against its formula, networks against PyTorch's
// double backward (tests/golden/geometry.jsonl).
#include "tests/oracle/geometry.h"

#include <cmath>
#include <random>

#include "base/random.h"
#include "engine/layers.h"
#include "kernels/conv.h"
#include "tests/support/small_training_run.h"
#include "train/geometry/directions.h"
#include "train/geometry/slices.h"

namespace skein::testing {
namespace {

// Softmax regression on the mean colour of an image.
class Regression : public Model {
 public:
  explicit Regression(ParameterStore& store) : layer_(store, "fc", 3, 3) {}
  Var forward(const Var& images) const override { return layer_(global_average_pool(images)); }

 private:
  Linear layer_;
};
std::unique_ptr<Model> make_regression(ParameterStore& store) { return std::make_unique<Regression>(store); }

std::vector<Batch> colours(const std::vector<int64_t>& sizes) {
  std::vector<Batch> batches;
  std::mt19937 random(1);
  std::normal_distribution<float> noise;
  for (const int64_t size : sizes) {
    std::vector<float> pixels(size_t(size * 2 * 2 * 3));
    std::vector<int32_t> labels;
    for (float& x : pixels) x = 2 * noise(random);
    for (int64_t i = 0; i < size; ++i) labels.push_back(int32_t(i % 3));
    batches.push_back(
        {Tensor::from(Device::cpu, pixels, {size, 2, 2, 3}), Tensor::from(Device::cpu, labels, {size}), size});
  }
  return batches;
}

// H = mean of (diag(p) - p p') (x) (x, 1)(x, 1)', rows of `fc.weight` and `fc.bias` in double.
std::vector<std::vector<double>> hessian_of(const LossSurface& surface, const std::vector<Batch>& batches) {
  const std::vector<float> w = surface.parameters();
  const Segment weight = surface.store().segments()[0], bias = surface.store().segments()[1];
  const auto place = [&](size_t row, size_t i) {
    return size_t(i < 3 ? weight.begin + int64_t(3 * row + i) : bias.begin + int64_t(row));
  };
  std::vector<std::vector<double>> h(w.size(), std::vector<double>(w.size(), 0.0));
  for (const Batch& b : batches)
    for (int64_t n = 0; n < b.size; ++n) {
      double x[4] = {0, 0, 0, 1}, p[3], sum = 0;
      for (int64_t i = 0; i < 12; ++i) x[i % 3] += double(b.images.host()[n * 12 + i]) / 4;
      for (size_t r = 0; r < 3; ++r) {
        p[r] = 0;
        for (size_t i = 0; i < 4; ++i) p[r] += double(w[place(r, i)]) * x[i];
        sum += p[r] = std::exp(p[r]);
      }
      for (size_t r = 0; r < 3; ++r)
        for (size_t s = 0; s < 3; ++s)
          for (size_t i = 0; i < 4; ++i)
            for (size_t j = 0; j < 4; ++j)
              h[place(r, i)][place(s, j)] +=
                  ((r == s ? p[r] / sum : 0) - p[r] * p[s] / sum / sum) * x[i] * x[j] / double(surface.images());
    }
  return h;
}

std::vector<double> times(const std::vector<std::vector<double>>& h, std::span<const float> u) {
  std::vector<double> y(u.size(), 0.0);
  for (size_t i = 0; i < u.size(); ++i)
    for (size_t j = 0; j < u.size(); ++j) y[i] += h[i][j] * double(u[j]);
  return y;
}

TEST(Geometry, HessianIsThatOfTheFormula) {
  StepContext context(Device::cpu);
  const std::vector<Batch> batches = colours({9, 9, 4});
  LossSurface surface(make_regression, batches, context);
  ASSERT_EQ(surface.images(), 22);
  surface.set(normal_direction(surface.store(), 5, 0));
  const auto h = hessian_of(surface, batches);
  Hessian hessian(surface);
  double diagonal = 0, largest = 0;
  for (size_t i = 0; i < h.size(); ++i) diagonal += h[i][i];
  std::vector<float> power = normal_direction(surface.store(), 1, 0);
  for (int i = 0; i < 500; ++i) {
    const std::vector<double> next = times(h, power);
    largest = 0;
    for (const double x : next) largest += x * x;
    largest = std::sqrt(largest);
    for (size_t j = 0; j < power.size(); ++j) power[j] = float(next[j] / largest);
  }
  for (uint32_t number = 0; number < 3; ++number) {
    std::vector<float> u = sign_direction(surface.store(), 2, number);
    for (float& x : u) x /= std::sqrt(12.0f);
    const std::vector<float> actual = hessian.product(u);
    const std::vector<double> expected = times(h, u);
    for (size_t i = 0; i < u.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 3e-5 * largest);
  }
  const Eigenvalues e = largest_eigenvalues(hessian, {});
  EXPECT_TRUE(e.converged);
  EXPECT_NEAR(e.largest[0].value, largest, 1e-4 * largest);
  EXPECT_LT(e.largest[0].residual, 2e-3 * largest);
  EXPECT_LT(e.step_error, 1e-3 * largest);
  EXPECT_GE(e.products, 4);
  const Trace t = trace(hessian, 32, 0);
  EXPECT_NEAR(t.value, diagonal, 3 * t.standard_error);
  EXPECT_LT(t.standard_error, 0.25 * diagonal);
  EXPECT_GT(t.standard_error, 0.01 * diagonal);
  EXPECT_EQ(surface.parameters(), normal_direction(surface.store(), 5, 0)) << "the model has moved";
}

// The step is a fixed part of the length over which the tensors in the direction change.
TEST(Geometry, StepFollowsTheLengthOfTheTensorsThatChange) {
  StepContext context(Device::cpu);
  LossSurface surface(make_regression, colours({3}), context);
  std::vector<float> w = normal_direction(surface.store(), 5, 0), of_weight(w.size(), 0.0f);
  const Segment weight = surface.store().segments()[0];
  of_weight[size_t(weight.begin)] = 1;
  surface.set(w);
  const double step = Hessian(surface).step(of_weight);
  for (float& x : w) x *= 8;
  surface.set(w);
  EXPECT_NEAR(Hessian(surface).step(of_weight), 8 * step, 1e-6 * step);
  EXPECT_NEAR(step, norm(std::span(w).subspan(size_t(weight.begin), 9)) / 8 / 256, 0.3 * step);
}

// Convolutions that are not timed first.
struct OneConvolution {
  OneConvolution() { cpu::force_conv_implementation("onednn"); }
  ~OneConvolution() { cpu::force_conv_implementation("auto"); }
};

TEST(Geometry, NetworksAgreeWithPyTorch) {
  const OneConvolution convolution;

  int cases = 0;
  for (const std::string& line : lines_of(SKEIN_SOURCE_DIR "/tests/golden/geometry.jsonl")) {
    const Json golden = Json::parse(line);
    OracleSettings settings;
    settings.model = golden.at("model").get<std::string>();
    settings.batch = golden.at("batch").get<int64_t>();
    settings.size = golden.at("size").get<int64_t>();
    settings.offset = float(golden.at("offset").get<double>());
    const GeometryRun run = run_geometry(settings);
    const auto numbers = [&](const char* key) {
      std::vector<double> all;
      for (const Json& x : golden.at(key).elements()) all.push_back(x.get<double>());
      return all;
    };
    const std::vector<double> eigenvalues = numbers("eigenvalues"), forms = numbers("forms");
    ASSERT_EQ(run.eigenvalues.largest.size(), eigenvalues.size());
    EXPECT_NEAR(run.loss, golden.at("loss").get<double>(), 1e-5);
    for (size_t i = 0; i < eigenvalues.size(); ++i)
      EXPECT_NEAR(run.eigenvalues.largest[i].value, eigenvalues[i], 1e-3 * eigenvalues[0])
          << settings.model << " " << i;
    for (size_t i = 0; i < forms.size(); ++i)
      EXPECT_NEAR(run.forms[i], forms[i], 5e-3 * std::abs(forms[0])) << settings.model << " " << i;
    ++cases;
  }
  EXPECT_GE(cases, 1);
}

struct SmallSurface : ::testing::Test {
  OneConvolution convolution;
  TrainConfig config = small_config();
  Splits data = open_dataset("synthetic", dataset_options(config));
  ModelInfo info = make_model_info(config, data.train);
  StepContext context{Device::cpu};
  std::vector<Batch> batches(int64_t images, uint64_t seed = 0) {
    return sample_batches(data.train, {.images = images, .batch = 16, .seed = seed}, context.queue);
  }
};

TEST_F(SmallSurface, SampleHasItsImagesOnceAndDependsOnTheSeed) {
  const auto labels = [&](const std::vector<Batch>& all) {
    std::vector<int32_t> seen;
    for (const Batch& b : all)
      seen.insert(seen.end(), b.labels.view().as<int32_t>(), b.labels.view().as<int32_t>() + b.size);
    return seen;
  };
  const std::vector<Batch> some = batches(40);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_EQ(some[2].size, 8);
  EXPECT_EQ(labels(some), labels(batches(40)));
  EXPECT_NE(labels(some), labels(batches(40, 1)));
  std::vector<int32_t> all = labels(batches(76)), stored(data.train.label(), data.train.label() + 76);
  EXPECT_TRUE(std::equal(some[0].images.host(), some[0].images.host() + 100, batches(76)[0].images.host()));
  std::sort(all.begin(), all.end());
  std::sort(stored.begin(), stored.end());
  EXPECT_EQ(all, stored);
  expect_error([&] { batches(77); }, {"--images 77", "76 training images"});
}

TEST_F(SmallSurface, LineAndPlanePassThroughTheModels) {
  LossSurface surface(without_dropout(info), batches(40), context);
  const std::vector<float> a = normal_direction(surface.store(), 1, 0), b = surface.parameters();
  surface.set(a);
  const LossPoint at_a = surface.evaluate();
  const auto test = make_loader(data.test, evaluation_options(16));
  const Score test_at_a = evaluate(surface.model(), *test, context.tape);
  EXPECT_EQ(line_places(5, 0.5), (std::vector<double>{-0.5, 0, 0.5, 1, 1.5}));
  EXPECT_EQ(line_places(2, 0.25), (std::vector<double>{-0.25, 0, 1, 1.25}));
  EXPECT_EQ(line_places(3, 0), (std::vector<double>{0, 0.5, 1}));
  surface.set(b);
  const std::vector<LinePoint> line = losses_on_line(surface, a, b, {0, 0.5, 1}, test.get(), context);
  EXPECT_EQ(line[0].train.loss, at_a.loss);
  EXPECT_EQ(line[0].train.top1, at_a.top1);
  EXPECT_EQ(line[0].test->loss, test_at_a.loss) << "running statistics are those of the place";
  std::vector<float> middle(a.size());
  for (size_t i = 0; i < a.size(); ++i) middle[i] = (a[i] + b[i]) / 2;
  surface.set(middle);
  EXPECT_NEAR(line[1].train.loss, surface.evaluate().loss, 1e-6);
  EXPECT_FALSE(losses_on_line(surface, a, b, {0}, nullptr, context)[0].test);

  surface.set(a);
  const Plane plane = losses_on_plane(surface, 3, 0.5, 0);
  EXPECT_EQ(plane.places, (std::vector<double>{-0.5, 0, 0.5}));
  EXPECT_EQ(plane.z[1][1].loss, at_a.loss);
  EXPECT_NE(plane.z[1][2].loss, at_a.loss);
  EXPECT_NE(plane.z[1][2].loss, plane.z[2][1].loss);
  EXPECT_EQ(surface.parameters(), a);
}

TEST_F(SmallSurface, DirectionsHaveTheLengthsOfTheFilters) {
  LossSurface surface(without_dropout(info), batches(8), context);
  const std::vector<float> w = surface.parameters(), d = filter_normalised_direction(surface.store(), w, 3, 0);
  for (size_t p = 0; p < surface.store().specs().size(); ++p) {
    const Segment s = surface.store().segments()[p];
    const std::vector<int64_t>& shape = surface.store().specs()[p].shape;
    const size_t filters = shape.size() > 1 ? size_t(shape[0]) : 1, each = size_t(s.count) / filters;
    for (size_t f = 0; f < filters; ++f) {
      const auto part = [&](const std::vector<float>& x) {
        return std::span(x).subspan(size_t(s.begin) + f * each, each);
      };
      EXPECT_NEAR(norm(part(d)), shape.size() > 1 ? norm(part(w)) : 0, 1e-5 * norm(part(w)));
    }
  }
  double elsewhere = dot(d, d);
  for (const Segment& s : surface.store().segments()) {
    const auto part = std::span(d).subspan(size_t(s.begin), size_t(s.count));
    elsewhere -= dot(part, part);
  }
  EXPECT_NEAR(elsewhere, 0, 1e-6 * dot(d, d)) << "padding is zero";
}

TEST_F(SmallSurface, ALossThatIsNotFiniteHasNoCurvature) {
  LossSurface surface(without_dropout(info), batches(8), context);
  std::vector<float> w = surface.parameters();
  w[0] = NAN;
  EXPECT_THROW(surface.gradient(w), RunFailed);
}

}  // namespace
}  // namespace skein::testing
