# To be sourced. need_gpu SKEIN ends the script where there is no GPU: with status 77, or 1 if SKEIN_REQUIRE_GPU says
# that there must be one.
absent() {
  echo "$1"
  [ "${SKEIN_REQUIRE_GPU:-0}" = 0 ] && exit 77
  exit 1
}
need_gpu() {
  local devices reason
  devices=$("$1" devices) || { echo "$1 devices failed" && exit 1; }
  reason=$(sed -n 's/^cuda  absent: //p' <<<"$devices")
  [ -z "$reason" ] || absent "$reason"
}
