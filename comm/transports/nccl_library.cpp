#include "base/library.h"
#include "comm/transports/nccl_api.h"
#include "comm/transports/nccl_communicator.h"

namespace skein {
namespace {

NcclApi open_nccl() {
  const Library library({"NCCL 2",
                         "SKEIN_NCCL",
                         {"libnccl.so.2"},
                         "Install NCCL (NVIDIA's packages call it libnccl2, PyPI nvidia-nccl-cu13 or -cu12), or use "
                         "--workers K in one process"});
  NcclApi api;
  library.find("ncclGetUniqueId", api.get_unique_id);
  library.find("ncclCommInitRankConfig", api.init_rank);
  library.find("ncclCommSplit", api.split);
  library.find("ncclCommFinalize", api.finalize);
  library.find("ncclCommDestroy", api.destroy);
  library.find("ncclCommAbort", api.abort);
  library.find("ncclCommGetAsyncError", api.async_error);
  library.find("ncclGetErrorString", api.error_string);
  library.find("ncclGetLastError", api.last_error);
  library.find("ncclGroupStart", api.group_start);
  library.find("ncclGroupEnd", api.group_end);
  library.find("ncclSend", api.send);
  library.find("ncclRecv", api.receive);
  library.find("ncclAllGather", api.all_gather);
  library.find("ncclAllReduce", api.all_reduce);
  return api;
}

}  // namespace

const NcclApi& nccl_library() {
  static const NcclApi api = open_nccl();
  return api;
}

}  // namespace skein
