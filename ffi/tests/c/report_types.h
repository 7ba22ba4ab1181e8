/* A class that one file of report_types.cpp sees whole, and the other one does not. */
#ifndef REPORT_TYPES_H
#define REPORT_TYPES_H

#include <memory>

struct Secret;
struct Free {
    void operator()(Secret *secret) const;
};
using Owned = std::unique_ptr<Secret, Free>;

Owned make();
/* Reports from the file that sees all of it. */
void reports_whole(const Owned &owned);

#endif /* REPORT_TYPES_H */
