// Layout of images for tiles. A tile multiplies 16 lines of 64 bytes at a time; here neighbouring lines are
// neighbouring pixels of a row, so that a tap of the filter is a shift by whole lines and a tile is 1 KB of memory.
//
// Groups of images are interleaved pixel by pixel, so that a row of the group is whole tiles: 2 images of 8 x 8 pixels.
// With stride S, pixels whose columns are equal modulo S lie in a plane of their own: neighbours in it are what
// neighbouring outputs read. Where channels are few, a line holds several neighbouring pixels of a plane, for as many
// taps: a slot each.
#pragma once

#include "kernels/cpu/conv/common.h"

namespace skein::cpu {
namespace {

constexpr int64_t kLine = 64, kTile = 1024;  // bytes
constexpr int64_t kMaxTaps = 16;             // along one axis

// Images (or pairs of images) in a group: at most 16, and such that a row of `columns` pixels is whole tiles.
int64_t group_of(int64_t images, int64_t columns) {
  int64_t group = 1;
  while (group < 16 && group * columns % 16 != 0 && group < images) group *= 2;
  return group;
}

int64_t parts(int64_t n, int64_t of) { return (n + of - 1) / of; }

// The taps along a row of the filter as steps: each is one line for every output, of one plane at one shift.
struct Steps {
  int64_t planes, count = 0;
  int64_t slots[kMaxTaps];                       // of a plane's lines that are in use
  int64_t plane[kMaxTaps], shift[kMaxTaps];      // of a step; the shift in pixels of the plane
  int64_t step_of[kMaxTaps], slot_of[kMaxTaps];  // of a tap
  int64_t most_shift = 0;

  // room: slots of a line
  Steps(int64_t taps, int64_t stride, int64_t room) : planes(smaller(taps, stride)) {
    for (int64_t f = 0; f < planes; ++f) {
      const int64_t of_plane = parts(taps - f, stride);
      slots[f] = smaller(room, of_plane);
      // The last step is moved back until all of its slots are taps: a NaN beside them must not be read. What it has
      // in common with the step before it is counted there.
      for (int64_t done = 0; done < of_plane; done += slots[f], ++count) {
        plane[count] = f;
        shift[count] = smaller(done, of_plane - slots[f]);
        most_shift = larger(most_shift, shift[count]);
        for (int64_t u = done; u < smaller(done + slots[f], of_plane); ++u)
          step_of[f + u * stride] = count, slot_of[f + u * stride] = u - shift[count];
      }
    }
  }
};

// Sizes of a group's lines: [block of channels][plane][row][pixel of the plane][image], kLine bytes each.
struct Lines {
  int64_t group, tiles;    // images; tiles of a row of outputs
  int64_t pixels, row;     // pixels of a plane's row; bytes of the row
  int64_t rows, plane;     // rows that are kept; bytes of a plane
  int64_t blocks, planes;  // of channels; of columns
  int64_t bytes() const { return blocks * planes * plane; }

  // columns, rows: of outputs. taps_h: rows of the filter.
  Lines(int64_t group, int64_t columns, int64_t rows_out, int64_t taps_h, int64_t stride, const Steps& s,
        int64_t blocks)
      : group(group),
        tiles(parts(group * columns, 16)),
        pixels(parts(tiles * 16, group) + s.most_shift),
        row(pixels * group * kLine),
        rows(larger(0, (rows_out - 1) * stride + taps_h)),
        plane(rows * row),
        blocks(blocks),
        planes(s.planes) {}
};

// Writes one image's lines of a row, each by put(line, column of its first pixel, block of channels, plane, is_inside).
// is_inside: all of its pixels are in the image; a constant once inlined. w: pixels of the image's row.
template <class Put>
[[gnu::always_inline]] inline void put_row(const Lines& l, const Steps& s, int64_t first_column, int64_t stride,
                                           int64_t w, char* to, Put&& put) {
  for (int64_t b = 0; b < l.blocks; ++b)
    for (int64_t f = 0; f < l.planes; ++f) {
      const int64_t first = first_column + f, last = w - 1 - (s.slots[f] - 1) * stride - first;
      const int64_t begin = smaller(l.pixels, parts(larger(0, -first), stride));
      const int64_t end = larger(begin, smaller(l.pixels, last < 0 ? 0 : last / stride + 1));
      const int64_t step = l.group * kLine;
      char* const line = to + (b * l.planes + f) * l.plane;
      for (int64_t m = 0; m < begin; ++m) put(line + m * step, first + m * stride, b, f, false);
      for (int64_t m = begin; m < end; ++m) put(line + m * step, first + m * stride, b, f, true);
      for (int64_t m = end; m < l.pixels; ++m) put(line + m * step, first + m * stride, b, f, false);
    }
}

}  // namespace
}  // namespace skein::cpu
