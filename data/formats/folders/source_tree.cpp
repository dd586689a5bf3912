#include "data/formats/folders/source_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "data/formats/folders/label_file.h"

namespace skein {
namespace {

size_t end_of(std::string_view path, std::string_view part) { return size_t(part.data() - path.data()) + part.size(); }

std::string other_type(std::string_view file) {
  const size_t dot = file.rfind('.');
  return fmt::format("no {} ({})", kImageTypes,
                     dot == std::string_view::npos ? "no extension" : printable(file.substr(dot)));
}

}  // namespace

bool is_hidden(std::string_view component) { return component.starts_with('.') || component == "__MACOSX"; }

Parts split_path(std::string_view path) {
  Parts parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string_view head(std::string_view path, const Parts& parts, size_t n) {
  return n == 0 ? std::string_view() : path.substr(0, end_of(path, parts[n - 1]) + 1);
}

Split split_of(std::string_view folder) {
  std::string name(folder);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
  if (name == "train" || name == "training") return Split::train;
  if (name == "val" || name == "valid" || name == "validation") return Split::val;
  return name == "test" || name == "testing" ? Split::test : Split::other;
}

SourceTree::SourceTree(const ImageSource& source, LeftOut& left_out) : source_(source) {
  std::set<std::string_view> counted;  // hidden folders and the like, with all that is in them
  for (size_t i = 0; i < source_.entries.size(); ++i) {
    const SourceEntry& e = source_.entries[i];
    const Parts p = split_path(e.path);
    if (leave_out_folder(e, p, counted, left_out)) continue;
    if (!e.unusable.empty()) {
      left_out.add(e.unusable, e.path);
    } else if (e.folder) {
      add_folders(e.path, p, p.size());
    } else {
      add_folders(e.path, p, p.size() - 1);
      if (has_image_extension(e.path))
        images_.push_back({uint32_t(i), uint32_t(p.size())});
      else if (!is_label_file(e.path) && !is_meta_mat(e.path))
        left_out.add(other_type(p.back()), e.path);
    }
  }
}

bool SourceTree::leave_out_folder(const SourceEntry& e, const Parts& p, std::set<std::string_view>& counted,
                                  LeftOut& left_out) {
  for (size_t i = 0; i < p.size(); ++i) {
    const bool is_folder = i + 1 < p.size() || e.folder, hidden = is_hidden(p[i]);
    if (!hidden && !(is_folder && has_image_extension(std::string(p[i])))) continue;
    const std::string_view outer = std::string_view(e.path).substr(0, end_of(e.path, p[i]));
    if (counted.insert(outer).second)
      left_out.add(hidden ? "hidden" : "a folder that is named like an image", std::string(outer));
    return true;
  }
  return false;
}

void SourceTree::add_folders(std::string_view path, const Parts& p, size_t n) {
  while (n > 0 && folders_.insert(std::string(path.substr(0, end_of(path, p[n - 1]))) + "/").second) --n;
}

std::string SourceTree::place(std::string_view folder) const {
  return source_.name + (source_.name.ends_with('/') ? "" : "/") + printable(folder);
}

std::vector<std::string> SourceTree::class_folders(const SplitFolder& split) const {
  std::vector<std::string> names;
  for (auto at = folders_.lower_bound(split.root); at != folders_.end() && at->starts_with(split.root); ++at)
    if (size_t(std::count(at->begin(), at->end(), '/')) == split.depth() + 1)
      names.push_back(at->substr(split.root.size(), at->size() - split.root.size() - 1));
  std::sort(names.begin(), names.end());
  return names;
}

void SourceTree::check_classes(const SplitFolder& split, const std::vector<std::string>& classes) const {
  struct Found {
    bool direct = false;
    std::set<std::string_view> within;
  };
  std::map<std::string_view, Found> found;
  for (Candidate c : split.in_classes) {
    const Parts p = parts(c);
    Found& f = found[p[split.depth()]];
    if (c.depth == split.depth() + 2)
      f.direct = true;
    else
      f.within.insert(head(path(c), p, c.depth - 1));
  }
  for (const std::string& name : classes) {
    const auto at = found.find(name);
    if (at == found.end())
      throw BadInput("{}: the class has no image ({}). Add images, or remove the class folder from every split",
                     place(split.root + name), kImageTypes);
    if (!at->second.direct && at->second.within.size() > 1)
      throw BadInput(
          "{}: has images in {} folders, such as {}, and none of its own, so it is not a class. Give a folder "
          "DIR/CLASS/*.jpg or DIR/{{train,val}}/CLASS/*.jpg",
          place(split.root + name), at->second.within.size(), printable(*at->second.within.begin()));
  }
}

}  // namespace skein
