/* The file of report_types.cpp that sees the whole class. check: part */
#include "report_types.h"

#include "stillframe_report.h"

struct Secret {
    int number = 123456;
    char more[60] = "";
};

void Free::operator()(Secret *secret) const { delete secret; }

Owned make() { return Owned(new Secret()); }

void reports_whole(const Owned &owned) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(owned);
    const Secret several[2] = {};
    STILLFRAME_VAR(several);
    stillframe_report("Whole", "no");
}
