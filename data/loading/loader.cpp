#include "data/loading/loader.h"

#include "data/loading/decode_loader.h"
#include "data/loading/device_loader.h"
#include "data/loading/host_loader.h"
#include "data/loading/upload_loader.h"

namespace skein {

std::unique_ptr<Loader> make_loader(Dataset dataset, const LoaderOptions& options, Queue queue, DType images) {
  const bool gpu = queue.device == Device::cuda;
  if (dataset.is_encoded()) {
    auto host = std::make_unique<DecodeLoader>(std::move(dataset), options);
    if (!gpu) return host;
    return std::make_unique<UploadLoader>(std::move(host), queue, images);
  }
  if (gpu) return std::make_unique<DeviceLoader>(std::move(dataset), options, queue, images);
  return std::make_unique<HostLoader>(std::move(dataset), options);
}

}  // namespace skein
