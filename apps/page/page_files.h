// The texts of the page, embedded at build time by apps/page/embed.cmake.
//
// Charts are drawn with d3 (Debian: libjs-d3). It makes SVG, which a style sheet turns from light to dark and to paper
// without drawing again, which prints as lines and not as pixels, and whose coordinates a test reads back. dygraphs and
// chart.js draw on a canvas, which has none of these.
#pragma once

#include <string_view>

namespace skein {

extern const std::string_view kPageTemplate, kPageStyle, kPageScript;
extern const std::string_view kD3, kD3Licence;  // empty in a program that was built without libjs-d3

}  // namespace skein
