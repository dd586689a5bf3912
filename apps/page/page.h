// The page of `skein report` and `skein view`: one HTML document that loads nothing else.
//
// Facts (apps/page/run_facts.h) stand in it as JSON, in a script element that is data and not run. Every "<" in them is
// written as \u003c, so no text of a run can end the element (HTML 13.1.2.6); the page's scripts add texts as text
// nodes alone. Beside that, the page's Content-Security-Policy permits only scripts that carry a random number (nonce)
// drawn for this page.
#pragma once

#include <string>

#include "base/formats/json.h"

namespace skein {

// `live`: the page asks its server for newer facts. BadInput in a program that was built without d3.
std::string make_page(const Json& facts, bool live);

// Random bytes of the system as `bytes` pairs of hexadecimal digits.
std::string random_token(int bytes);

}  // namespace skein
