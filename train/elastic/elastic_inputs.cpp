#include "train/elastic/elastic_inputs.h"

#include <algorithm>

#include "base/check.h"
#include "comm/launcher.h"
#include "data/fingerprint.h"
#include "kernels/device/runtime.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"
#include "train/run/run.h"
#include "train/validate.h"

namespace skein {

ElasticInputs open_elastic_inputs(const TrainCall& call) {
  const TrainConfig& c = call.config;
  ElasticInputs in{call, parse_elastic(c.elastic), {}, {}, {}};
  validate(c, 1);
  in.data = open_dataset(c.data, dataset_options(c));
  check_against(c, in.data.train);
  refuse_idle_settings(c, in.data.train);
  in.info = make_model_info(in.call.config, in.data.train);
  in.fingerprints = {fingerprint(in.data.train), fingerprint(in.data.test)};
  return in;
}

std::string what_members_share(const ElasticInputs& in) {
  RunSignature all = signature_of(in.call);
  all.emplace_back("device", device_of(in.info.config.device) == Device::cuda ? names_of({current_gpu()}) : "cpu");
  const RunSignature data = signature_of(in.data, in.fingerprints);
  all.insert(all.end(), data.begin(), data.end());
  return to_wire(all);
}

std::string difference_of_newcomer(const std::string& its, const std::string& own) {
  const RunSignature a = from_wire(its), b = from_wire(own);
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (a[i] != b[i])
      return fmt::format("its {} is '{}', the run has {} '{}'. Start it with the same command as the others",
                         a[i].first, a[i].second, b[i].first, b[i].second);
  return a.size() == b.size() ? "" : "it is another version of skein. Start the same one everywhere";
}

void set_up_member(ElasticInputs& in) {
  const TrainConfig& c = in.info.config;
  const Device device = device_of(c.device);
  use_threads(c.threads);
  if (device == Device::cuda) {
    use_gpu(rank_from_environment().local_rank % int(cuda::devices().size()));
    for (Dataset* part : {&in.data.train, &in.data.test}) make_resident(*part);
  }
  use_conv(device, c.conv, c.dtype);
}

}  // namespace skein
