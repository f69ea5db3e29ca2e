/* SPDX-License-Identifier: GPL-2.0 */
/* The commands, each in the file of its concept. */
#ifndef DASHCTL_COMMANDS_H
#define DASHCTL_COMMANDS_H

#include "dashctl.h"
#include "schema.h"

int cmd_object(const char *object, struct args *a);	/* object.c */
int cmd_load(struct args *a);				/* load.c */
int cmd_flush(struct args *a);				/* load.c */
int cmd_save(struct args *a);				/* show.c */
int cmd_stats(struct args *a);				/* stats.c */
int cmd_flow(struct args *a);				/* flow.c */
int cmd_explain(struct args *a);			/* explain.c */
int save_flows(struct args *a);				/* flowfile.c */
int load_flows(const char *path);			/* flowfile.c */
int cmd_complete(struct args *a);			/* help.c */
int cmd_help(struct args *a);				/* help.c */
int help_object(const char *object);			/* help.c */

/* Show the rows of @table, those below or named @key if it is not NULL. */
int show_table(const struct table *table, const char *key);

/* Show all tables of @object. */
int show_object(const char *object, const char *key);

#endif
