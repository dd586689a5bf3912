#include "apps/program.h"

int main(int argc, char** argv) { return skein::run_program(argc, argv); }
