// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dashctl.h"
#include "netns.h"

int netns_open(const char *name)
{
	char *path;
	int fd;

	if (strchr(name, '/'))
		path = xstrdup(name);
	else
		path = xasprintf("/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && strspn(name, "0123456789") == strlen(name)) {
		free(path);
		path = xasprintf("/proc/%s/ns/net", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	free(path);
	return fd;
}

static int nsid_cb(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(attr) == NETNSA_NSID)
			*(int32_t *)arg = (int32_t)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* Ask for the id of the namespace, or have one chosen. */
static bool talk(struct mnl_socket *nl, uint16_t type, int fd, int32_t *id)
{
	char buf[1024];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct rtgenmsg *gen;
	ssize_t len;
	int ret;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	msg->nlmsg_seq = type;
	gen = mnl_nlmsg_put_extra_header(msg, sizeof(*gen));
	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(msg, NETNSA_FD, fd);
	if (type == RTM_NEWNSID)
		mnl_attr_put_u32(msg, NETNSA_NSID, (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
	if (mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return false;
	do {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			return false;
		ret = mnl_cb_run(buf, len, type, mnl_socket_get_portid(nl), nsid_cb, id);
	} while (ret > 0);
	return !ret;
}

bool netns_id(const char *name, uint32_t *id)
{
	int fd = netns_open(name), error;
	int32_t n = NETNSA_NSID_NOT_ASSIGNED;
	struct mnl_socket *nl;
	bool ok;

	if (fd < 0)
		return false;
	nl = mnl_socket_open(NETLINK_ROUTE);
	ok = nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) && talk(nl, RTM_GETNSID, fd, &n);
	/* somebody else may give it one at the same time */
	if (ok && n < 0)
		ok = (talk(nl, RTM_NEWNSID, fd, &n) || errno == EEXIST) &&
		     talk(nl, RTM_GETNSID, fd, &n);
	error = errno;
	if (nl)
		mnl_socket_close(nl);
	close(fd);
	errno = ok && n < 0 ? ENOENT : error;
	*id = n;
	return ok && n >= 0;
}
