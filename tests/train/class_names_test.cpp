// Classes of data and of a network are compared by name.
#include "train/evaluation/class_names.h"

#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

using Names = std::vector<std::string>;

std::string refusal(const Names& data, const Names& model) {
  try {
    map_classes("pets", data, model);
  } catch (const BadInput& e) {
    return e.what();
  }
  return "";
}

TEST(ClassNames, NumberedClassesHaveNoNames) {
  EXPECT_FALSE(have_names({"0", "1"}));
  EXPECT_TRUE(have_names({"1", "0"}));
}

TEST(ClassNames, SameNamesAnotherOrderAndASubset) {
  EXPECT_EQ(map_classes("pets", {"cat", "dog"}, {"cat", "dog"}).note, "");
  const ClassMap turned = map_classes("pets", {"dog", "cat"}, {"cat", "dog"});
  EXPECT_EQ(turned.to_model, (std::vector<int32_t>{1, 0}));
  EXPECT_NE(turned.note.find("another order"), std::string::npos);
  const ClassMap part = map_classes("pets", {"dog"}, {"cat", "dog"});
  EXPECT_EQ(part.to_model, (std::vector<int32_t>{1}));
  EXPECT_NE(part.note.find("1 of the checkpoint's 2"), std::string::npos);
}

TEST(ClassNames, RefusesANameThatTheNetworkDoesNotHave) {
  const std::string text = refusal({"cat", "dogs"}, {"cat", "dog"});
  for (const char* part : {"'pets'", "'dogs'", "cat, dog", "Is it 'dog'?"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_NE(refusal({"cat"}, {"cat", "cat"}).find("two called 'cat'"), std::string::npos);
}

TEST(ClassNames, NumbersAreComparedOnlyWhereOneSideHasNoNames) {
  const ClassMap map = map_classes("pets", {"cat", "dog"}, {"0", "1"});
  EXPECT_EQ(map.to_model, (std::vector<int32_t>{0, 1}));
  EXPECT_NE(map.note.find("the checkpoint has no class names"), std::string::npos);
  EXPECT_NE(refusal({"cat", "dog"}, {"0", "1", "2"}), "");
  EXPECT_NE(refusal({"0", "1"}, {"0", "1", "2"}), "");
}

TEST(ClassNames, DatasetTakesTheNumbersOfTheNetwork) {
  Dataset d = allocate_dataset("pets", 3, 1, 1, 1);
  for (int32_t i = 0; i < 3; ++i) d.labels.as<int32_t>()[i] = i % 2;
  const Names model{"cat", "cow", "dog"};
  use_classes(d, map_classes("pets", {"dog", "cat"}, model), model);
  EXPECT_EQ(std::vector<int32_t>(d.label(), d.label() + 3), (std::vector<int32_t>{2, 0, 2}));
  EXPECT_EQ(d.classes, model);
}

}  // namespace
}  // namespace skein::testing
