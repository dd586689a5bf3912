#include "data/loading/loader.h"

#include <algorithm>

#include "base/check.h"
#include "data/loading/decode_loader.h"
#include "data/loading/device_loader.h"
#include "data/loading/host_loader.h"
#include "data/loading/upload_loader.h"

namespace skein {

void Loader::restart(int64_t, std::vector<int32_t>) { CHECK(false, "a loader of a worker's part of the data"); }

std::unique_ptr<Loader> make_loader(Dataset dataset, const LoaderOptions& options, Queue queue, DType images) {
  const bool gpu = queue.device == Device::cuda;
  const bool encoded = dataset.is_encoded();
  const bool on_host = !gpu || encoded || (options.training && options.trivial_augment);
  if (!on_host) return std::make_unique<DeviceLoader>(std::move(dataset), options, queue, images);
  const int64_t most = options.training ? range_of_worker(dataset.size(), options.workers, 0).size() : dataset.size();
  const Shape full{std::min(options.batch, most), dataset.height(), dataset.width(), dataset.channels()};
  const DType host_images = gpu ? DType::f32 : images;  // rounded on the GPU
  std::unique_ptr<Loader> host;
  if (encoded)
    host = std::make_unique<DecodeLoader>(std::move(dataset), options, host_images);
  else
    host = std::make_unique<HostLoader>(std::move(dataset), options, host_images);
  if (!gpu) return host;
  return std::make_unique<UploadLoader>(std::move(host), options, full, queue, images);
}

}  // namespace skein
