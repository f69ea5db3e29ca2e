/* SPDX-License-Identifier: GPL-2.0 */
/* Where mappings lead, shared by those that agree; provider addresses. */
#ifndef _DASH_HOST_H
#define _DASH_HOST_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/netlink.h>

struct dash_row;
struct dash_to6;

/**
 * struct dash_pa - a provider address that mappings of a VNET name
 */
struct dash_pa {
	/** @node: in dash_hosts.pas */
	struct rhash_head node;
	/** @addr: the address, v4-mapped if IPv4 */
	struct in6_addr addr;
	/** @count: hosts that have it now; readers take it as valid if not 0 */
	u32 count;
	/** @next: hosts that have it, those of the change under way included */
	u32 next;
	/** @rcu: for freeing */
	struct rcu_head rcu;
};

/**
 * struct dash_host - where mappings lead
 *
 * Constant but for the counts.
 */
struct dash_host {
	/** @node: in dash_hosts.by_content */
	struct rhash_head node;
	/** @touched: in dash_hosts.touched */
	struct list_head touched;
	/** @pa: provider addresses [v4, v6], or NULL */
	struct dash_pa *pa[2];
	/** @id: in dash_hosts.by_id */
	u32 id;
	/** @count: mappings after the change under way */
	u32 count;
	/** @vni: VNI for this mapping, when @has_vni */
	u32 vni;
	/** @meter_or: bits of the metering class */
	u32 meter_or;
	/** @to6: how a privatelink translates, behind @attrs, or NULL */
	struct dash_to6 *to6;
	/** @has_vni: @vni is set */
	bool has_vni;
	/** @use_dst_vni: use the mapping's VNET's VNI, else the ENI's VNET's */
	bool use_dst_vni;
	/** @live: counted in its PAs */
	bool live;
	/** @rcu: for freeing */
	struct rcu_head rcu;
	/** @len: length of @attrs */
	u32 len;
	/** @attrs: attributes that are neither key nor MAC */
	u8 attrs[] __aligned(NLA_ALIGNTO);
};

/**
 * struct dash_hosts - the hosts of a VNET's mappings
 *
 * Written under dash_net.lock.
 */
struct dash_hosts {
	/** @by_content: finds equal hosts */
	struct rhashtable by_content;
	/** @pas: dash_pa by address, RCU */
	struct rhashtable pas;
	/** @by_id: hosts by id, RCU */
	struct xarray by_id;
	/** @touched: hosts whose count the change under way altered */
	struct list_head touched;
	/** @last: the one that was found last, or NULL */
	struct dash_host *last;
	/** @bytes: memory of hosts and provider addresses */
	size_t bytes;
};

int dash_hosts_init(struct dash_hosts *hosts);
void dash_hosts_fini(struct dash_hosts *hosts);

/**
 * dash_host_get - the host of a row
 * @hosts: hosts
 * @row: row of the mapping table
 *
 * Context: may sleep.
 * Return: host or NULL without memory; unless counted, it goes with the end of
 * the change.
 */
struct dash_host *dash_host_get(struct dash_hosts *hosts,
				const struct dash_row *row);

/**
 * dash_host_count - count mappings that lead there
 * @hosts: hosts
 * @host: host
 * @n: how many more
 */
void dash_host_count(struct dash_hosts *hosts, struct dash_host *host, int n);

/**
 * dash_hosts_publish - make valid those provider addresses that are in use
 * @hosts: hosts
 */
void dash_hosts_publish(struct dash_hosts *hosts);

/**
 * dash_hosts_reap - end a change
 * @hosts: hosts; no reader will look for those that are not counted any more
 *
 * Context: may sleep.
 */
void dash_hosts_reap(struct dash_hosts *hosts);

/**
 * dash_hosts_has_pa - is an address the provider address of a host in use?
 * @hosts: hosts
 * @addr: address
 *
 * Context: RCU.
 * Return: whether it is.
 */
bool dash_hosts_has_pa(struct dash_hosts *hosts, const struct in6_addr *addr);

/* Is it an attribute that hosts are made of, neither key nor MAC? */
bool dash_host_has_attr(int attr);

#endif /* _DASH_HOST_H */
