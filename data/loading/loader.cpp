#include "data/loading/loader.h"

#include "data/loading/decode_loader.h"
#include "data/loading/device_loader.h"
#include "data/loading/host_loader.h"
#include "data/loading/upload_loader.h"

namespace skein {

Loader::Loader(Dataset dataset, const LoaderOptions& options, Queue queue, DType images) {
  const bool encoded = dataset.encoded != nullptr;
  if (encoded && queue.device == Device::cuda)
    source_ =
        std::make_unique<UploadLoader>(std::make_unique<DecodeLoader>(std::move(dataset), options), queue, images);
  else if (encoded)
    source_ = std::make_unique<DecodeLoader>(std::move(dataset), options);
  else if (queue.device == Device::cuda)
    source_ = std::make_unique<DeviceLoader>(std::move(dataset), options, queue, images);
  else
    source_ = std::make_unique<HostLoader>(std::move(dataset), options);
}

}  // namespace skein
