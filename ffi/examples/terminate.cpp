// An exception that nobody catches: it is stored with the values of the functions that it would have unwound, and the program ends as it
// would have ended anyway. Nothing has to be linked for this but the library.
//
//     c++ -std=c++17 -g -O1 terminate.cpp $(pkg-config --cflags --libs stillframe) -o terminate && ./terminate
//
// check: status=134
#include <cstdio>
#include <stdexcept>
#include <string>

#include "stillframe_report.h"

static int parse_port(const std::string &text) {
    STILLFRAME_FRAME();
    STILLFRAME_VAR(text);
    std::size_t used = 0;
    STILLFRAME_VAR(used);
    int port = std::stoi(text, &used);
    STILLFRAME_VAR(port);
    if (used != text.size()) {
        throw std::invalid_argument("not a port: " + text);
    }
    return port;
}

int main() {
    stillframe_config config;
    stillframe_config_init(&config, sizeof config);
    config.service = stillframe_text_of("listener");
    stillframe_start(&config, nullptr, nullptr);
    stillframe::report_terminate();

    STILLFRAME_FRAME();
    const char *settings[] = {"8080", "8o81"};
    STILLFRAME_VAR(settings);
    for (const char *setting : settings) {
        std::printf("port %d\n", parse_port(setting));
        std::fflush(stdout);
    }
}
