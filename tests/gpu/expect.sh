# To be sourced: the checks of the scripts' tests, and $work, a folder that is removed at the end. A failed check sets
# $bad.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
expect() {  # WHAT CONDITION...
  "${@:2}" && return
  echo "FAILED: $1"
  bad=1
}
has() { grep -qF -- "$2" "$1" || { echo "no '$2' in:" && cat "$1" && return 1; }; }
