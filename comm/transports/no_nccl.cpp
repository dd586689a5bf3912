// NCCL in a build without the CUDA back end.
#include "base/check.h"
#include "comm/transports/nccl_communicator.h"

namespace skein {
namespace {
[[noreturn]] void absent() { throw BadInput("NCCL needs the CUDA back end, which this skein was built without"); }
}  // namespace

const NcclApi& nccl_library() { absent(); }
NcclId make_nccl_id(const NcclApi&) { absent(); }
std::unique_ptr<Communicator> join_nccl(const NcclApi&, const NcclId&, int, int, Queue, NcclOptions) { absent(); }

}  // namespace skein
