// Floats of every size; what an extension calls one is not decoded as another. check: std=gnu++17 without=clang
// Clang 14's is_floating_point does not know __float128.
#include <cfloat>
#include <cstdlib>

#include "report.h"

int main() {
    report_start();
    STILLFRAME_FRAME();
    float half = 0.5F;
    double tiny = DBL_MIN;
    long double quarter = 0.25L, small = -3e-300L, least = DBL_TRUE_MIN, beyond = LDBL_MIN, endless = LDBL_MAX;
    __float128 wide = 1, several[2] = {2, 3};
    STILLFRAME_VAR(half);
    STILLFRAME_VAR(tiny);
    STILLFRAME_VAR(quarter);
    STILLFRAME_VAR(small);
    STILLFRAME_VAR(least);
    STILLFRAME_VAR(beyond);
    STILLFRAME_VAR(endless);
    STILLFRAME_VAR(wide);
    STILLFRAME_VAR(several);
    static const stillframe_type short_type = {"_Float16", STILLFRAME_AS_FLOAT, 2, nullptr, nullptr, 0, nullptr};
    unsigned short brief = 0x3c00;
    STILLFRAME_REGISTER("brief", &short_type, sizeof brief, &brief, 0);
    CHECK(stillframe_report("Floats", "%d", 1) == STILLFRAME_OK);
    CHECK_SHOWS("\"half\":{\"type\":\"float\",\"value\":0.5}");
    CHECK_SHOWS("\"tiny\":{\"type\":\"double\",\"value\":2.2250738585072014e-308}");
    CHECK_SHOWS("\"quarter\":{\"type\":\"long double\",\"value\":0.25}");
    CHECK_SHOWS("\"small\":{\"type\":\"long double\",\"value\":-3e-300}");
    CHECK_SHOWS("\"least\":{\"type\":\"long double\",\"value\":5e-324}");
    CHECK_SHOWS("\"beyond\":{\"type\":\"long double\",\"value\":0");
    CHECK_SHOWS("\"endless\":{\"type\":\"long double\",\"value\":\"inf\"");
    CHECK_HIDES("\"wide\":{\"type\":\"__float128\",\"value\"");
    CHECK_SHOWS("\"wide\":{\"type\":\"__float128\"");
    CHECK_HIDES("\"several\":{\"type\":\"__float128\",\"value\"");
    CHECK_SHOWS("\"several\":{\"type\":\"__float128\"");
    CHECK_SHOWS("\"brief\":{\"type\":\"_Float16\"");
    CHECK_HIDES("\"brief\":{\"type\":\"_Float16\",\"value\"");
    report_stop();
}
