#include "data/formats/folders/image_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "data/formats/folders/label_file.h"
#include "data/formats/folders/meta_mat.h"
#include "data/formats/folders/source_tree.h"
#include "data/formats/folders/val_split.h"

namespace skein {
namespace {

class Layouter {
 public:
  Layouter(const ImageSource& source, const LayoutOptions& options)
      : source_(source), options_(options), tree_(source, out_.left_out) {}

  ImageLayout run() {
    const std::string root = find_split_root();
    if (found_root_)
      place_splits(root);
    else
      place_classes();
    std::sort(out_.images.begin(), out_.images.end(),
              [](const PlacedImage& a, const PlacedImage& b) { return a.entry < b.entry; });
    if (options_.val_split > 0) draw_test_set(source_, classes_, options_.val_split, options_.val_seed, out_.images);
    note_untested();
    for (const std::string& c : classes_) out_.classes.push_back(printable(c));
    return std::move(out_);
  }

 private:
  void leave_out(const std::string& reason, const std::vector<Candidate>& files) {
    for (Candidate c : files) out_.left_out.add(reason, tree_.path(c));
  }

  // The folder that has the split folders: that which contains a folder train with class folders.
  std::string find_split_root() {
    std::string root;
    for (Candidate c : tree_.images()) {
      const Parts p = tree_.parts(c);
      for (size_t i = 0; i + 2 < p.size(); ++i) {
        if (split_of(p[i]) != Split::train) continue;
        const std::string_view found = head(tree_.path(c), p, i);
        if (found_root_ && found != root)
          throw BadInput("{} and {} both have a folder train. Give one of them", tree_.place(root), tree_.place(found));
        root = found;
        found_root_ = true;
        break;
      }
    }
    return root;
  }

  void place_splits(const std::string& root) {
    std::map<std::string, std::vector<Candidate>> tops;  // by the folder of the split
    const size_t depth = size_t(std::count(root.begin(), root.end(), '/'));
    for (Candidate c : tree_.images()) {
      if (!tree_.path(c).starts_with(root))
        out_.left_out.add(fmt::format("outside of {}", printable(root)), tree_.path(c));
      else if (c.depth == depth + 1)
        out_.left_out.add("in no class folder", tree_.path(c));
      else
        tops[std::string(head(tree_.path(c), tree_.parts(c), depth + 1))].push_back(c);
    }
    std::optional<SplitFolder> splits[4];
    for (auto& [top, files] : tops) {
      const auto kind = split_of(tree_.parts(files[0])[depth]);
      if (kind == Split::other) {
        leave_out(fmt::format("in {}, which is neither train nor val, valid, validation or test", printable(top)),
                  files);
        continue;
      }
      auto& split = splits[size_t(kind)];
      if (split)
        throw BadInput("{} and {} could be the same split. Rename one of them", tree_.place(split->root),
                       tree_.place(top));
      split = split_folder(top, files);
    }
    const auto& train = splits[size_t(Split::train)];
    if (train->in_classes.empty())
      throw BadInput("{}: there are no class folders with images. Lay the images out as DIR/{{train,val}}/CLASS/*.jpg",
                     tree_.place(train->root));
    classes_ = tree_.class_folders(*train);
    tree_.check_classes(*train, classes_);
    put(*train, false);
    leave_out("in no class folder", train->loose);
    place_test(splits[size_t(Split::val)], splits[size_t(Split::test)]);
  }

  // A folder that contains only a folder of its own name stands for it.
  SplitFolder split_folder(std::string root, const std::vector<Candidate>& files) const {
    for (;;) {
      const std::string_view name = split_path(root).end()[-2];
      const std::string inner = root + std::string(name) + "/";
      if (!std::all_of(files.begin(), files.end(), [&](Candidate c) { return tree_.path(c).starts_with(inner); }))
        break;
      root = inner;
    }
    SplitFolder s{root, {}, {}};
    for (Candidate c : files) (c.depth == s.depth() + 1 ? s.loose : s.in_classes).push_back(c);
    return s;
  }

  // The test set: val with labels, else test with labels.
  void place_test(const std::optional<SplitFolder>& val, const std::optional<SplitFolder>& test) {
    const SplitFolder* used = nullptr;
    for (const auto* split : {&val, &test}) {
      if (!*split) continue;
      const std::string root = printable((*split)->root);
      if (!has_labels(**split)) {
        no_labels_ = (*split)->root;
        leave_out(fmt::format("in {}, which has no labels", root), (*split)->loose);
        leave_out(fmt::format("in {}, which has no labels", root), (*split)->in_classes);
      } else if (used) {
        const std::string reason = fmt::format("in {}, as {} is the test set", root, printable(used->root));
        leave_out(reason, (*split)->loose);
        leave_out(reason, (*split)->in_classes);
      } else {
        used = &**split;
      }
    }
    if (used && (options_.val_split > 0 || options_.test_on_train))
      throw BadInput("{}: there is a test set. Leave out {}, or remove the folder", tree_.place(used->root),
                     options_.val_split > 0 ? "--val-split" : "--test-on-train");
    if (!used) return check_test_set();
    if (const std::string* file = label_file(*used)) return put_by_file(*used, *file);
    leave_out("in no class folder", used->loose);
    const std::vector<std::string> names = tree_.class_folders(*used);
    for (const std::string& c : names)
      if (!std::binary_search(classes_.begin(), classes_.end(), c))
        throw BadInput("{}: the class is not among the training images. Add it there, or remove it here",
                       tree_.place(used->root + c));
    tree_.check_classes(*used, names);
    put(*used, true);
  }

  // Tiny ImageNet has all images of val and of test in one folder, images.
  bool in_one_folder(const SplitFolder& s) const {
    const std::vector<std::string> names = tree_.class_folders(s);
    return s.in_classes.empty() || (names.size() == 1 && names[0] == "images" &&
                                    !std::binary_search(classes_.begin(), classes_.end(), "images"));
  }
  bool has_labels(const SplitFolder& s) const { return !in_one_folder(s) || label_file(s); }

  // The file of labels for a split without class folders: that whose folder is nearest. Null: there is none.
  const std::string* label_file(const SplitFolder& s) const {
    if (!in_one_folder(s) || split_of(split_path(s.root).end()[-2]) != Split::val) return nullptr;
    const std::string* best = nullptr;
    size_t most = 0;
    for (const auto& [file, text] : source_.labels) {
      if (is_meta_mat(file)) continue;
      const auto same =
          size_t(std::mismatch(file.begin(), file.end(), s.root.begin(), s.root.end()).first - file.begin());
      if (!best || same > most) best = &file;
      most = std::max(most, same);
    }
    return best;
  }

  void put_by_file(const SplitFolder& s, const std::string& file) {
    std::vector<std::string> numbered;
    for (const auto& [other, text] : source_.labels)
      if (is_meta_mat(other)) numbered = read_meta_mat(tree_.place(other), text);
    const LabelFile labels(tree_.place(file), source_.labels.at(file), numbered);
    std::vector<Candidate> images = s.loose;
    images.insert(images.end(), s.in_classes.begin(), s.in_classes.end());
    const auto name = [&](Candidate c) { return std::string(tree_.parts(c).back()); };
    std::sort(images.begin(), images.end(), [&](Candidate a, Candidate b) { return name(a) < name(b); });
    size_t before = out_.images.size();
    for (size_t i = 0; i < images.size(); ++i) {
      const auto c = labels.class_of(name(images[i]), i, images.size());
      const auto at = c ? std::lower_bound(classes_.begin(), classes_.end(), *c) : classes_.end();
      if (!c)
        out_.left_out.add(fmt::format("without a line in {}", printable(file)), tree_.path(images[i]));
      else if (at == classes_.end() || *at != *c)
        out_.left_out.add(fmt::format("of a class in {} that is not among the training images", printable(file)),
                          tree_.path(images[i]));
      else
        out_.images.push_back({images[i].entry, int32_t(at - classes_.begin()),
                               uint32_t(tree_.path(images[i]).size() - name(images[i]).size()), true});
    }
    if (out_.images.size() == before)
      throw BadInput("{}: has no image of a class of the training images. Copy it again, or remove it",
                     tree_.place(file));
    out_.notes.push_back(fmt::format("labels of {} from {}", printable(s.root), printable(file)));
  }

  void put(const SplitFolder& s, bool test) {
    for (Candidate c : s.in_classes) {
      const std::string_view name = tree_.parts(c)[s.depth()];
      const auto label = std::lower_bound(classes_.begin(), classes_.end(), name) - classes_.begin();
      out_.images.push_back({c.entry, int32_t(label), uint32_t(s.root.size() + name.size() + 1), test});
    }
  }

  // DIR/CLASS/FILE, within folders that contain only a folder.
  void place_classes() {
    if (tree_.images().empty())
      throw BadInput(
          "{}: there is no image ({}){}. Lay the images out as DIR/{{train,val}}/CLASS/*.jpg or DIR/CLASS/*.jpg",
          source_.name, kImageTypes, archives_in_it());
    SplitFolder all{common_root(), {}, {}};
    for (Candidate c : tree_.images()) (c.depth == all.depth() + 1 ? all.loose : all.in_classes).push_back(c);
    classes_ = tree_.class_folders(all);
    bool flat_train = false, other_split = false;
    for (const std::string& c : classes_) {
      flat_train = flat_train || split_of(c) == Split::train;
      other_split = other_split || split_of(c) == Split::val || split_of(c) == Split::test;
    }
    if (all.in_classes.empty() || (flat_train && other_split))
      throw BadInput(
          "{}: the images are in no class folders. Lay them out as DIR/{{train,val}}/CLASS/*.jpg or DIR/CLASS/*.jpg",
          tree_.place(all.root));
    tree_.check_classes(all, classes_);
    leave_out("in no class folder", all.loose);
    check_test_set();
    put(all, false);
  }

  std::string archives_in_it() const {
    for (const SourceEntry& e : source_.entries)
      if (e.path.ends_with(".tar")) return fmt::format(", but archives, such as {}: unpack them", printable(e.path));
    return {};
  }

  // The longest path of folders that all images have in common, without the folder that directly has an image.
  std::string common_root() const {
    std::string_view root =
        head(tree_.path(tree_.images()[0]), tree_.parts(tree_.images()[0]), tree_.images()[0].depth - 1);
    for (Candidate c : tree_.images()) {
      const Parts p = tree_.parts(c);
      const std::string_view folder = head(tree_.path(c), p, c.depth > 1 ? c.depth - 2 : 0);
      const auto same =
          size_t(std::mismatch(root.begin(), root.end(), folder.begin(), folder.end()).first - root.begin());
      const size_t end = root.substr(0, same).rfind('/');
      root = root.substr(0, end == std::string_view::npos ? 0 : end + 1);
    }
    return std::string(root);
  }

  void check_test_set() const {
    if (options_.val_split > 0 || options_.test_on_train) return;
    if (!no_labels_.empty())
      throw BadInput(
          "{}: has no class folders and no file of labels, and there is no other test set. Put LOC_val_solution.csv, "
          "val_annotations.txt or imagenet_2012_validation_synset_labels.txt beside it, or give --val-split 0.2 to "
          "test on a part of the training images",
          tree_.place(no_labels_));
    throw BadInput(
        "{}: there is no folder val or test with images. Add one as DIR/{{train,val}}/CLASS/*.jpg, or give --val-split "
        "0.2 to test on a part of the training images, or import it into shards with --test-on-train to test on all of "
        "them, which says nothing about others",
        source_.name);
  }

  void note_untested() {
    if (options_.test_on_train) return;
    std::vector<bool> tested(classes_.size());
    for (const PlacedImage& i : out_.images)
      if (i.test) tested[size_t(i.label)] = true;
    const auto count = std::count(tested.begin(), tested.end(), false);
    if (count == 0) return;
    const auto first = size_t(std::find(tested.begin(), tested.end(), false) - tested.begin());
    out_.notes.push_back(fmt::format("{} class{} no test images: {}{}", count, count == 1 ? " has" : "es have",
                                     printable(classes_[first]), count > 1 ? ", ..." : ""));
  }

  const ImageSource& source_;
  const LayoutOptions& options_;
  ImageLayout out_;
  const SourceTree tree_;
  std::vector<std::string> classes_;  // sorted, as bytes
  std::string no_labels_;             // a split folder that has none
  bool found_root_ = false;
};

}  // namespace

std::vector<std::string> notes_of(const ImageLayout& layout) {
  std::vector<std::string> lines = layout.left_out.lines();
  for (const std::string& note : layout.notes) lines.push_back("note     " + note);
  return lines;
}

ImageLayout lay_out(const ImageSource& source, const LayoutOptions& options) { return Layouter(source, options).run(); }

}  // namespace skein
