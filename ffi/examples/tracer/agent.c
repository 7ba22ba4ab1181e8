#define _POSIX_C_SOURCE 200809L

#include "agent.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Whole answers are longer than what is asked of their bodies; more than this is not read. */
#define ANSWER_BYTES ((size_t)64 << 10)

static int connected(const struct agent *agent)
{
    struct addrinfo wanted, *found = NULL, *each;
    const struct timeval patience = {5, 0};
    int connection = -1;
    memset(&wanted, 0, sizeof wanted);
    wanted.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(agent->host, agent->port, &wanted, &found) != 0) {
        return -1;
    }
    for (each = found; each != NULL && connection < 0; each = each->ai_next) {
        connection = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
        if (connection >= 0 && (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
                                setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
                                connect(connection, each->ai_addr, each->ai_addrlen) != 0)) {
            close(connection);
            connection = -1;
        }
    }
    freeaddrinfo(found);
    return connection;
}

static bool sent(int connection, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = send(connection, bytes, length, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        bytes += done;
        length -= (size_t)done;
    }
    return true;
}

/* All that comes until the other side closes, with a zero behind it. */
static size_t received(int connection, char *bytes, size_t room)
{
    size_t length = 0;
    while (length < room - 1) {
        ssize_t done = recv(connection, bytes + length, room - 1 - length, 0);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            break;
        }
        length += (size_t)done;
    }
    bytes[length] = '\0';
    return length;
}

int agent_ask(const struct agent *agent, const char *method, const char *path, const char *headers, const void *body, size_t length,
              char *answer, size_t room)
{
    char head[2048];
    char *whole = malloc(ANSWER_BYTES);
    int connection = connected(agent), status = -1;
    int size = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                        method, path, agent->host, agent->port, length, headers);
    if (whole != NULL && connection >= 0 && size > 0 && (size_t)size < sizeof head && sent(connection, head, (size_t)size) &&
        sent(connection, body, length) && received(connection, whole, ANSWER_BYTES) > 0 && strncmp(whole, "HTTP/1.", 7) == 0) {
        const char *line_end = strchr(whole, ' '), *content = strstr(whole, "\r\n\r\n");
        status = line_end != NULL ? (int)strtol(line_end, NULL, 10) : -1;
        if (answer != NULL) {
            snprintf(answer, room, "%s", content != NULL ? content + 4 : "");
        }
    }
    if (connection >= 0) {
        close(connection);
    }
    free(whole);
    return status;
}

bool agent_takes(const struct agent *agent, const char *path)
{
    char answer[8192], quoted[256];
    if (agent_ask(agent, "GET", "/info", "", "", 0, answer, sizeof answer) != 200) {
        return false;
    }
    snprintf(quoted, sizeof quoted, "\"%s\"", path);
    return strstr(answer, quoted) != NULL;
}
