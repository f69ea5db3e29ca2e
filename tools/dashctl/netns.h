/* SPDX-License-Identifier: GPL-2.0 */
/* Network namespaces, by what the user calls them. */
#ifndef DASHCTL_NETNS_H
#define DASHCTL_NETNS_H

#include <stdbool.h>
#include <stdint.h>

/* A namespace of ip-netns(8), a path, or that of a process; -1 and errno. */
int netns_open(const char *name);

/*
 * The id that the namespace has in the present one, which is given one if it
 * has none; false and errno.
 */
bool netns_id(const char *name, uint32_t *id);

#endif
