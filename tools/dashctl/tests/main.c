// SPDX-License-Identifier: GPL-2.0
/* The test program: "rows FILE" of rows.c, any other arguments are dashctl's. */
#include <string.h>

int rows_main(int argc, char **argv);
int tool_main(int argc, char **argv);

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "rows"))
		return rows_main(argc - 1, argv + 1);
	return tool_main(argc, argv);
}
