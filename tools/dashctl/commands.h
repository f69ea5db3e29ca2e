/* SPDX-License-Identifier: GPL-2.0 */
/* The commands, each in the file of its concept. */
#ifndef DASHCTL_COMMANDS_H
#define DASHCTL_COMMANDS_H

#include "dashctl.h"
#include "schema.h"

/* Take the value of --policy; complains. */
bool take_policy(struct args *a);			/* main.c */

int cmd_object(const char *object, struct args *a);	/* object.c */
int cmd_load(struct args *a);				/* load.c */
int cmd_flush(struct args *a);				/* load.c */
int cmd_save(struct args *a);				/* show.c */
int cmd_stats(struct args *a);				/* stats.c */
int cmd_flow(struct args *a);				/* flow.c */
int cmd_explain(struct args *a);			/* explain.c */
int save_flows(struct args *a);				/* flowfile.c */
int load_flows(const char *path);			/* flowfile.c */
int cmd_monitor(struct args *a);				/* monitor.c */
int cmd_top(struct args *a);				/* top.c */
int cmd_verify(struct args *a);				/* verify.c */
int cmd_complete(struct args *a);			/* help.c */
int cmd_help(struct args *a);				/* help.c */
int help_object(const char *object);			/* help.c */

/* Counters of all ports and ENIs as printed by "stats"; NULL: @err says why. */
struct nl;
struct nl_error;
struct json_object *stats_all(struct nl *nl, struct nl_error *err);

/* A number after -c or the like; complains when it is none. */
bool args_number(struct args *a, const char *option, unsigned long *n);

/* Show the rows of @table, those below or named @key if it is not NULL. */
int show_table(const struct table *table, const char *key);

/* Show all tables of @object. */
int show_object(const char *object, const char *key);

#endif
