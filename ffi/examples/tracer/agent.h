/* A Datadog Agent, spoken to over a plain socket. */
#ifndef TRACER_AGENT_H
#define TRACER_AGENT_H

#include <stdbool.h>
#include <stddef.h>

struct agent {
    const char *host, *port;
};

/* One request, with `headers` of whole lines, and at most `room - 1` bytes of its answer's body. Returns the answer's status; -1 if there is none. */
int agent_ask(const struct agent *agent, const char *method, const char *path, const char *headers, const void *body, size_t length,
              char *answer, size_t room);

/* Whether the Agent says that it takes requests at a path. */
bool agent_takes(const struct agent *agent, const char *path);

#endif
