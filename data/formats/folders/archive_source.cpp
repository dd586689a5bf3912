// Archives with libarchive (https://www.libarchive.org), which reads tar in all its forms (ustar, GNU, pax, sparse
// files) and zip, plain or compressed.
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/terminal/progress_line.h"
#include "data/formats/folders/image_source.h"
#include "data/formats/folders/label_file.h"

namespace skein {
namespace {

constexpr size_t kReadBuffer = 1 << 18;

// libarchive converts names between the archive's and the locale's characters: UTF-8 keeps all bytes.
class Utf8Names {
 public:
  Utf8Names() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t(0))) {
    if (utf8_) before_ = uselocale(utf8_);
  }
  ~Utf8Names() {
    if (!utf8_) return;
    uselocale(before_);
    freelocale(utf8_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t utf8_, before_ = locale_t(0);
};

// Without empty components, "." and "..", as far as there is something to go back to.
std::string normal_path(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == ".." && !parts.empty())
      parts.pop_back();
    else if (!part.empty() && part != "." && part != "..")
      parts.push_back(part);
    at = end + 1;
  }
  std::string normal;
  for (const std::string& p : parts) normal += (normal.empty() ? "" : "/") + p;
  return normal;
}

// One pass over the members of an archive.
class ArchivePass {
 public:
  explicit ArchivePass(const std::string& path) : path_(path), archive_(archive_read_new()) {
    if (!archive_) throw std::bad_alloc();
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_zip(archive_.get());
    for (const auto support : {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                               archive_read_support_filter_xz, archive_read_support_filter_zstd})
      support(archive_.get());
    // Some writers append a whole archive to another one.
    archive_read_set_options(archive_.get(), "tar:read_concatenated_archives");
    check(archive_read_open_filename(archive_.get(), path.c_str(), kReadBuffer));
  }

  archive_entry* next() {  // null at the end
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_.get(), &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    check(result);
    return entry;
  }

  // Contents of the current member, of `expected` bytes if it is as its header says, with zeros for the holes of a
  // sparse file. False: more than `most` bytes.
  template <class Bytes>
  bool read(Bytes& to, int64_t expected, int64_t most) {
    constexpr int64_t kStep = 1 << 16;
    size_t filled = 0, step = size_t(std::clamp(expected + 1, kStep, most + 1));
    for (;; step = kStep) {
      to.resize(filled + step);
      const la_ssize_t n = archive_read_data(archive_.get(), to.data() + filled, step);
      if (n < 0) check(int(n));
      filled += n > 0 ? size_t(n) : 0;
      if (n > 0 && int64_t(filled) <= most) continue;
      to.resize(filled);
      return n <= 0;
    }
  }

 private:
  void check(int result) const {
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    const char* reason = archive_error_string(archive_.get());
    throw BadInput("{}: byte {}: {}. Copy or make the archive again", path_, archive_filter_bytes(archive_.get(), -1),
                   reason ? reason : "it cannot be read");
  }

  struct Free {
    void operator()(archive* a) const { archive_read_free(a); }
  };
  const std::string path_;
  std::unique_ptr<archive, Free> archive_;
};

class ArchiveSource final : public ImageSource {
 public:
  explicit ArchiveSource(const std::string& path) {
    name = path;
    std::error_code ignored;
    bytes = int64_t(std::filesystem::file_size(path, ignored));
    list();
    resolve_links();
    int64_t unpacked = 0;
    for (const SourceEntry& e : entries)
      if (has_image_extension(e.path) && e.unusable.empty()) unpacked += e.bytes;
    bytes = std::max(bytes, unpacked);
  }

  bool next(const std::vector<bool>& wanted, size_t& entry, std::vector<uint8_t>& to, std::string& reason) override {
    reason.clear();
    while (!advance(wanted))
      if (!read_member(wanted)) return false;
    entry = users_[member_][user_++];
    to = contents_;
    if (too_large_) reason = fmt::format("the file is larger than {} MB", kMostFileBytes >> 20);
    return true;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  void list() {
    const Utf8Names utf8;
    ArchivePass pass(name);
    ProgressLine progress("listing", 0);
    std::unordered_map<std::string, size_t> by_path;
    while (archive_entry* e = pass.next()) {
      if (int64_t(entries.size()) == kMostEntries)
        throw BadInput("{}: has more than {} files. Split it", name, kMostEntries);
      progress.add(1);
      const char* path = archive_entry_pathname(e);
      SourceEntry entry{normal_path(path ? path : "")};
      std::string link = add_kind(e, entry);
      // A later member of the same name replaces an earlier one, as when the archive is unpacked.
      const auto [at, fresh] = by_path.emplace(entry.path, entries.size());
      if (!fresh && !entry.folder) {
        if (!entries[at->second].folder) entries[at->second].unusable = "a file that a later one of its name replaces";
        at->second = entries.size();
      }
      if (entry.unusable.empty() && !entry.folder && link.empty() &&
          (is_label_file(entry.path) || is_meta_mat(entry.path)))
        if (!pass.read(labels[entry.path], entry.bytes, kMostLabelBytes)) labels.erase(entry.path);
      entries.push_back(std::move(entry));
      links_.push_back(std::move(link));
    }
  }

  // Sets what kind of member it is. Returns the path that a link names.
  static std::string add_kind(archive_entry* e, SourceEntry& entry) {
    entry.bytes = archive_entry_size_is_set(e) ? int64_t(archive_entry_size(e)) : 0;
    if (const char* target = archive_entry_hardlink(e); target && entry.bytes == 0) return normal_path(target);
    const auto type = archive_entry_filetype(e);
    if (type == AE_IFLNK) {
      const char* target = archive_entry_symlink(e);
      if (!target || !*target || *target == '/')
        entry.unusable = "a link to a place outside of the archive";
      else
        return normal_path(entry.path.substr(0, entry.path.rfind('/') + 1) + target);
    } else if (type == AE_IFDIR) {
      entry.folder = true;
    } else if (type != AE_IFREG) {
      entry.unusable = "neither file nor folder";
    } else if (archive_entry_is_encrypted(e)) {
      entry.unusable = "encrypted";
    } else if (entry.bytes > kMostFileBytes && has_image_extension(entry.path)) {
      entry.unusable = fmt::format("larger than {} MB", kMostFileBytes >> 20);
    }
    return {};
  }

  // Follows links to the member that has the contents.
  void resolve_links() {
    std::unordered_map<std::string, size_t> by_path;
    for (size_t i = 0; i < entries.size(); ++i)
      if (!entries[i].folder) by_path[entries[i].path] = i;
    users_.resize(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      size_t member = i;
      for (int steps = 0; member != kNone && !links_[member].empty(); ++steps) {
        const auto at = by_path.find(links_[member]);
        member = at == by_path.end() || steps == 40 ? kNone : at->second;
      }
      if (entries[i].folder || !entries[i].unusable.empty()) continue;
      if (member == kNone)
        entries[i].unusable = "a link to no file of the archive";
      else if (!entries[member].unusable.empty())
        entries[i].unusable = entries[member].unusable;
      else
        users_[member].push_back(uint32_t(i));
      if (member != kNone) entries[i].bytes = entries[member].bytes;
    }
  }

  // Goes to the next wanted user of the current member.
  bool advance(const std::vector<bool>& wanted) {
    if (member_ >= users_.size()) return false;
    while (user_ < users_[member_].size() && !wanted[users_[member_][user_]]) ++user_;
    return user_ < users_[member_].size();
  }

  bool read_member(const std::vector<bool>& wanted) {
    if (member_ == entries.size()) return false;
    const Utf8Names utf8;
    if (!pass_) pass_ = std::make_unique<ArchivePass>(name);
    for (;;) {
      member_ = member_ == kNone ? 0 : member_ + 1;
      const archive_entry* e = pass_->next();
      if (!e && member_ == entries.size()) return false;
      if (!e || member_ == entries.size()) throw BadInput("{}: has changed meanwhile. Import it again", name);
      user_ = 0;
      if (!advance(wanted)) continue;
      too_large_ = !pass_->read(contents_, entries[member_].bytes, kMostFileBytes);
      return true;
    }
  }

  std::vector<std::string> links_;            // of each entry: the path that it names; empty: it is no link
  std::vector<std::vector<uint32_t>> users_;  // entries that have the contents of a member: itself, then links to it
  std::unique_ptr<ArchivePass> pass_;
  size_t member_ = kNone, user_ = 0;
  std::vector<uint8_t> contents_;
  bool too_large_ = false;
};

}  // namespace

std::unique_ptr<ImageSource> open_archive_source(const std::string& path) {
  return std::make_unique<ArchiveSource>(path);
}

}  // namespace skein
