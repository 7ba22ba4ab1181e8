// As report_throw.cpp, with a C++ library that is linked statically: the linker puts the object in front of it.
// check: with=../../throw/stillframe_throw.c flags=-DSTILLFRAME_THROW_WRAP|-Wl,--wrap=__cxa_throw,--wrap=__cxa_allocate_exception|-static-libstdc++ without=asan without=tsan
// The sanitizers' own library stands in front of __cxa_throw too, and finds the next one by the dynamic loader.
#include "report_throw.cpp"
