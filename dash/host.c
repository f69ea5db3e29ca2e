// SPDX-License-Identifier: GPL-2.0
/*
 * Most mappings of a VNET differ from others in address and MAC only. All the
 * rest is a host, which those that agree share and name by its id. The
 * provider addresses of hosts in use are what inbound packets' outer sources
 * are checked against.
 */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "addr.h"
#include "host.h"
#include "rows.h"
#include "to6.h"

struct dash_content {
	const void *attrs;
	u32 len;
};

static u32 dash_content_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_content *c = data;

	return jhash(c->attrs, c->len, seed);
}

static u32 dash_host_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct dash_host *host = data;

	return jhash(host->attrs, host->len, seed);
}

static int dash_host_cmpfn(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct dash_content *c = arg->key;
	const struct dash_host *host = obj;

	return host->len != c->len || memcmp(host->attrs, c->attrs, c->len);
}

static const struct rhashtable_params dash_host_params = {
	.head_offset = offsetof(struct dash_host, node),
	.hashfn = dash_content_hashfn,
	.obj_hashfn = dash_host_obj_hashfn,
	.obj_cmpfn = dash_host_cmpfn,
	.automatic_shrinking = true,
};

static const struct rhashtable_params dash_pa_params = {
	.head_offset = offsetof(struct dash_pa, node),
	.key_offset = offsetof(struct dash_pa, addr),
	.key_len = sizeof(struct in6_addr),
	.automatic_shrinking = true,
};

int dash_hosts_init(struct dash_hosts *hosts)
{
	int err;

	err = rhashtable_init(&hosts->by_content, &dash_host_params);
	if (err)
		return err;
	err = rhashtable_init(&hosts->pas, &dash_pa_params);
	if (err) {
		rhashtable_destroy(&hosts->by_content);
		return err;
	}
	/* 0 is no id */
	xa_init_flags(&hosts->by_id, XA_FLAGS_ALLOC1);
	INIT_LIST_HEAD(&hosts->touched);
	return 0;
}

static void dash_hosts_free_fn(void *ptr, void *arg)
{
	kfree(ptr);
}

void dash_hosts_fini(struct dash_hosts *hosts)
{
	rhashtable_free_and_destroy(&hosts->by_content, dash_hosts_free_fn,
				    NULL);
	rhashtable_free_and_destroy(&hosts->pas, dash_hosts_free_fn, NULL);
	xa_destroy(&hosts->by_id);
}

bool dash_hosts_has_pa(struct dash_hosts *hosts, const struct in6_addr *addr)
{
	struct dash_pa *pa;

	pa = rhashtable_lookup(&hosts->pas, addr, dash_pa_params);
	return pa && READ_ONCE(pa->count);
}

static struct dash_pa *dash_pa_get(struct dash_hosts *hosts,
				   const struct in6_addr *addr)
{
	struct dash_pa *pa;

	pa = rhashtable_lookup_fast(&hosts->pas, addr, dash_pa_params);
	if (!pa) {
		pa = kzalloc(sizeof(*pa), GFP_KERNEL_ACCOUNT);
		if (!pa)
			return NULL;
		pa->addr = *addr;
		if (rhashtable_insert_fast(&hosts->pas, &pa->node,
					   dash_pa_params)) {
			kfree(pa);
			return NULL;
		}
		hosts->bytes += sizeof(*pa);
	}
	pa->next++;
	return pa;
}

static void dash_pa_put(struct dash_hosts *hosts, struct dash_pa *pa)
{
	if (!pa || --pa->next)
		return;
	rhashtable_remove_fast(&hosts->pas, &pa->node, dash_pa_params);
	hosts->bytes -= sizeof(*pa);
	kfree_rcu(pa, rcu);
}

static size_t dash_host_bytes(const struct dash_host *host)
{
	return struct_size(host, attrs, host->len) +
	       (host->to6 ? sizeof(*host->to6) : 0);
}

static void dash_host_free(struct dash_hosts *hosts, struct dash_host *host)
{
	if (hosts->last == host)
		hosts->last = NULL;
	dash_pa_put(hosts, host->pa[0]);
	dash_pa_put(hosts, host->pa[1]);
	if (host->id)
		xa_erase(&hosts->by_id, host->id);
	hosts->bytes -= dash_host_bytes(host);
	kfree_rcu(host, rcu);
}

bool dash_host_has_attr(int attr)
{
	return attr != DASH_A_MAPPING_VNET && attr != DASH_A_MAPPING_IP &&
	       attr != DASH_A_MAPPING_MAC;
}

static int dash_host_add_pa(struct dash_hosts *hosts, struct dash_host *host,
			    const struct nlattr *nla)
{
	struct in6_addr addr;
	struct dash_pa **pa;

	dash_nla_addr(nla, &addr);
	pa = &host->pa[!dash_addr_is_v4(&addr)];
	if (*pa)
		return 0;
	*pa = dash_pa_get(hosts, &addr);
	return *pa ? 0 : -ENOMEM;
}

static int dash_host_parse(struct dash_hosts *hosts, struct dash_host *host)
{
	const struct nlattr *nla;
	int rem, err;

	nla_for_each_attr(nla, (struct nlattr *)host->attrs, host->len, rem) {
		switch (nla_type(nla)) {
		case DASH_A_MAPPING_UNDERLAY_IP:
		case DASH_A_MAPPING_UNDERLAY_IP6:
			err = dash_host_add_pa(hosts, host, nla);
			if (err)
				return err;
			break;
		case DASH_A_MAPPING_VNI:
			host->vni = nla_get_u32(nla);
			host->has_vni = true;
			break;
		case DASH_A_MAPPING_USE_DST_VNI:
			host->use_dst_vni = nla_get_u8(nla);
			break;
		case DASH_A_MAPPING_METERING_CLASS_OR:
			host->meter_or = nla_get_u32(nla);
			break;
		}
	}
	return 0;
}

static struct dash_host *dash_host_new(struct dash_hosts *hosts,
				       const struct dash_content *c,
				       const struct dash_row *row)
{
	size_t room = dash_to6_room(row);
	struct dash_host *host;
	int err;

	host = kzalloc(struct_size(host, attrs, c->len) + room,
		       GFP_KERNEL_ACCOUNT);
	if (!host)
		return NULL;
	memcpy(host->attrs, c->attrs, c->len);
	host->len = c->len;
	if (room) {
		host->to6 = (struct dash_to6 *)(host->attrs + host->len);
		dash_to6_parse(host->to6, row);
	}
	hosts->bytes += dash_host_bytes(host);

	err = dash_host_parse(hosts, host);
	if (!err)
		err = xa_alloc(&hosts->by_id, &host->id, host, xa_limit_32b,
			       GFP_KERNEL_ACCOUNT);
	if (!err)
		err = rhashtable_insert_fast(&hosts->by_content, &host->node,
					     dash_host_params);
	if (err) {
		dash_host_free(hosts, host);
		return NULL;
	}
	list_add(&host->touched, &hosts->touched);
	return host;
}

/* Room for the attributes of all but the strangest rows. */
#define DASH_HOST_CONTENT	128

struct dash_host *dash_host_get(struct dash_hosts *hosts,
				const struct dash_row *row)
{
	u8 small[DASH_HOST_CONTENT] __aligned(NLA_ALIGNTO);
	u8 *attrs = small;
	struct dash_content c = { .attrs = attrs };
	struct dash_host *host = hosts->last;
	const struct nlattr *nla;
	int rem;

	if (row->len > sizeof(small)) {
		attrs = kmalloc(NLA_ALIGN(row->len), GFP_KERNEL);
		if (!attrs)
			return NULL;
		c.attrs = attrs;
	}
	dash_row_for_each(nla, row, rem) {
		if (!dash_host_has_attr(nla_type(nla)))
			continue;
		memcpy(attrs + c.len, nla, nla->nla_len);
		memset(attrs + c.len + nla->nla_len, 0, nla_padlen(nla_len(nla)));
		c.len += NLA_ALIGN(nla->nla_len);
	}

	if (!host || host->len != c.len || memcmp(host->attrs, attrs, c.len)) {
		host = rhashtable_lookup_fast(&hosts->by_content, &c,
					      dash_host_params);
		if (!host)
			host = dash_host_new(hosts, &c, row);
		hosts->last = host;
	}
	if (attrs != small)
		kfree(attrs);
	return host;
}

void dash_host_count(struct dash_hosts *hosts, struct dash_host *host, int n)
{
	host->count += n;
	if (list_empty(&host->touched))
		list_add(&host->touched, &hosts->touched);
}

void dash_hosts_publish(struct dash_hosts *hosts)
{
	struct dash_host *host;
	int i;

	list_for_each_entry(host, &hosts->touched, touched) {
		if (host->live == !!host->count)
			continue;
		host->live = host->count;
		for (i = 0; i < 2; i++)
			if (host->pa[i])
				WRITE_ONCE(host->pa[i]->count,
					   host->pa[i]->count +
					   (host->live ? 1 : -1));
	}
}

void dash_hosts_reap(struct dash_hosts *hosts)
{
	struct dash_host *host, *tmp;

	list_for_each_entry_safe(host, tmp, &hosts->touched, touched) {
		list_del_init(&host->touched);
		if (!host->count) {
			rhashtable_remove_fast(&hosts->by_content, &host->node,
					       dash_host_params);
			dash_host_free(hosts, host);
		}
		cond_resched();
	}
}
