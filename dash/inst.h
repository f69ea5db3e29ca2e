/* SPDX-License-Identifier: GPL-2.0 */
/* Settings of an instance: the union of its DASH_APPLIANCE_TABLE rows. */
#ifndef _DASH_INST_H
#define _DASH_INST_H

#include <linux/dash.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <net/ipv6.h>

#include "eni.h"

struct dash_net;
struct dash_txn;

#define DASH_DEFAULT_MAX_FLOWS	(1U << 20)
#define DASH_DEFAULT_VXLAN_PORT	4789

/**
 * struct dash_nexthop - static next hop of an underlay prefix
 */
struct dash_nexthop {
	/** @addr: prefix, v4-mapped if IPv4 */
	struct in6_addr addr;
	/** @plen: length, counted in the v4-mapped form */
	u8 plen;
	/** @any: matches both families (the /0 of next_hop_mac) */
	bool any;
	/** @dst_mac: Ethernet destination */
	u8 dst_mac[ETH_ALEN];
	/** @src_mac: Ethernet source */
	u8 src_mac[ETH_ALEN];
	/** @port: egress port, the ingress port when empty */
	char port[IFNAMSIZ];
};

/**
 * enum dash_inst_type - routing types that have an encapsulation
 */
enum dash_inst_type {
	/** @DASH_INST_VNET_ENCAP: vnet_encap, of mappings and routes */
	DASH_INST_VNET_ENCAP,
	/** @DASH_INST_SERVICETUNNEL: servicetunnel, of routes */
	DASH_INST_SERVICETUNNEL,
	/** @DASH_INST_PRIVATELINK: privatelink, of mappings */
	DASH_INST_PRIVATELINK,
	/** @DASH_INST_TYPES: how many there are */
	DASH_INST_TYPES
};

/**
 * struct dash_inst_encap - encapsulation of a routing type
 */
struct dash_inst_encap {
	/** @vni: VNI, when @has_vni */
	u32 vni;
	/** @has_vni: @vni is set */
	bool has_vni;
	/** @type: enum dash_encap_type */
	u8 type;
};

/**
 * struct dash_inst - settings at one time
 *
 * Immutable once published; replaced whole. RCU.
 */
struct dash_inst {
	/** @vip: VIPs, sorted for dash_inst_is_vip() */
	struct in6_addr *vip;
	/** @n_vip: how many */
	u32 n_vip;
	/** @first_vip: the first configured of each family [v4, v6], or NULL */
	const struct in6_addr *first_vip[2];
	/** @vm_vni: VNIs from VMs, sorted */
	u32 *vm_vni;
	/** @n_vm_vni: how many */
	u32 n_vm_vni;
	/** @first_vm_vni: the first configured, for the way to VMs */
	u32 first_vm_vni;
	/** @trusted: trusted VNIs */
	struct dash_vni_range *trusted;
	/** @n_trusted: how many */
	u32 n_trusted;
	/** @nexthop: for static mode, longest prefix first */
	struct dash_nexthop *nexthop;
	/** @n_nexthop: how many */
	u32 n_nexthop;
	/** @timeout: jiffies, by enum dash_timeout */
	unsigned long timeout[DASH_TIMEOUTS];
	/** @max_memory: limit of the configuration's bytes, 0 is none */
	u64 max_memory;
	/** @max_flows: limit of connections */
	u32 max_flows;
	/** @vxlan_port: UDP port, network order */
	__be16 vxlan_port;
	/** @udp_sport: outer source port when @fixed_sport, network order */
	__be16 udp_sport;
	/** @ip_id: identification of outer IPv4 headers, network order */
	__be16 ip_id;
	/** @fixed_sport: the source port is no hash */
	bool fixed_sport;
	/** @df: outer IPv4 has DF */
	bool df;
	/** @tcp_loose: first packets without SYN may open connections */
	bool tcp_loose;
	/** @accept_any_mac: packets to foreign MACs are ours too */
	bool accept_any_mac;
	/** @udp_csum: enum dash_udp_csum */
	u8 udp_csum;
	/** @underlay_mode: enum dash_underlay_mode */
	u8 underlay_mode;
	/** @eni_key: enum dash_eni_key */
	u8 eni_key;
	/** @pa: additional valid provider addresses by VNI, sorted */
	struct dash_pa_row *pa;
	/** @n_pa: how many */
	u32 n_pa;
	/** @encap: by enum dash_inst_type */
	struct dash_inst_encap encap[DASH_INST_TYPES];
	/** @fake_mac: MAC address of whatever VMs talk to */
	u8 fake_mac[ETH_ALEN] __aligned(2);
};

/**
 * struct dash_pa_row - a row of DASH_PA_VALIDATION_TABLE as readers see it
 */
struct dash_pa_row {
	/** @vni: VNI */
	u32 vni;
	/** @plen: length, counted in the v4-mapped form */
	u8 plen;
	/** @addr: prefix, v4-mapped if IPv4 */
	struct in6_addr addr;
};

/* So many are faster found one after the other. */
#define DASH_INST_FEW	8

bool dash_inst_find_vip(const struct dash_inst *inst,
			const struct in6_addr *addr);
bool dash_inst_find_vm_vni(const struct dash_inst *inst, u32 vni);

/**
 * dash_inst_is_vip - is an address a VIP?
 * @inst: settings
 * @addr: address
 *
 * Context: RCU.
 * Return: whether it is.
 */
static inline bool dash_inst_is_vip(const struct dash_inst *inst,
				    const struct in6_addr *addr)
{
	u32 i;

	if (unlikely(inst->n_vip > DASH_INST_FEW))
		return dash_inst_find_vip(inst, addr);
	for (i = 0; i < inst->n_vip; i++)
		if (ipv6_addr_equal(&inst->vip[i], addr))
			return true;
	return false;
}

/**
 * dash_inst_vip_for - a VIP in place of one that may be gone
 * @inst: settings
 * @vip: VIP as it was
 *
 * Context: RCU.
 * Return: @vip if it is one or there is no other of its family, else the first.
 */
static inline const struct in6_addr *
dash_inst_vip_for(const struct dash_inst *inst, const struct in6_addr *vip)
{
	if (dash_inst_is_vip(inst, vip))
		return vip;
	return inst->first_vip[!ipv6_addr_v4mapped(vip)] ?: vip;
}

/**
 * dash_inst_is_vm_vni - is a VNI one that VMs send with?
 * @inst: settings
 * @vni: VNI
 *
 * Context: RCU.
 * Return: whether it is.
 */
static inline bool dash_inst_is_vm_vni(const struct dash_inst *inst, u32 vni)
{
	u32 i;

	if (unlikely(inst->n_vm_vni > DASH_INST_FEW))
		return dash_inst_find_vm_vni(inst, vni);
	for (i = 0; i < inst->n_vm_vni; i++)
		if (inst->vm_vni[i] == vni)
			return true;
	return false;
}

/**
 * dash_inst_has_pa - is an outer source valid without a mapping?
 * @inst: settings
 * @vni: VNI
 * @pa: outer source
 *
 * Context: RCU.
 * Return: whether it does.
 */
bool dash_inst_has_pa(const struct dash_inst *inst, u32 vni,
		      const struct in6_addr *pa);

/**
 * dash_inst_check - may an appliance row have settings?
 * @txn: transaction
 * @sym: row; it exists in the end state
 *
 * Settings that an instance has only once may be in one row only.
 * Context: dash_net.lock held.
 * Return: 0 or -EEXIST.
 */
int dash_inst_check(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_inst_prepare - build the settings that the end state's rows make
 * @txn: transaction
 *
 * The result is dash_net.next_inst.
 * Context: dash_net.lock held.
 * Return: 0, -ENOMEM, or -E2BIG for lists of absurd length.
 */
int dash_inst_prepare(struct dash_txn *txn);

/**
 * dash_inst_free - free settings
 * @inst: settings or NULL; no reader is left
 */
void dash_inst_free(struct dash_inst *inst);

#endif /* _DASH_INST_H */
