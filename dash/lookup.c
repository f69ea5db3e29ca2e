// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>

#include "eni.h"
#include "inst.h"
#include "lookup.h"
#include "netns.h"
#include "parse.h"
#include "to6.h"

/* The ENI with a MAC address, as it is configured now, or NULL. */
static const struct dash_eni_cfg *dash_lookup_mac(const struct dash_net *dn,
						  const u8 *mac)
{
	const struct dash_eni_cfg *cfg;

	hlist_for_each_entry_rcu(cfg, &dn->eni_hash[dash_eni_bucket(mac)], node)
		if (ether_addr_equal(cfg->mac, mac))
			return cfg;
	return NULL;
}

/* The tests of DASH give ENIs group addresses; those are no multicast. */
static bool dash_mac_is_group(const struct dash_pkt *pkt, const u8 *mac)
{
	return is_multicast_ether_addr(mac) && !dash_lookup_mac(pkt->dn, mac);
}

enum dash_drop dash_lookup_eni(struct dash_pkt *pkt)
{
	const u8 *mac = pkt->dmac;

	if (dash_mac_is_group(pkt, pkt->dmac))
		return DASH_DROP_MULTICAST;
	if (dash_mac_is_group(pkt, pkt->smac))
		return DASH_DROP_MALFORMED;

	pkt->dir = DASH_DIRECTION_INBOUND;
	if (dash_inst_is_vm_vni(pkt->inst, pkt->outer.vni)) {
		pkt->dir = DASH_DIRECTION_OUTBOUND;
		if (pkt->inst->eni_key == DASH_ENI_KEY_SRC_MAC)
			mac = pkt->smac;
	}
	pkt->ecfg = dash_lookup_mac(pkt->dn, mac);
	if (!pkt->ecfg)
		return DASH_DROP_NO_ENI;
	pkt->eni = pkt->ecfg->eni;
	if (unlikely(pkt->t.v6 && pkt->dir == DASH_DIRECTION_INBOUND &&
		     atomic_read(&pkt->eni->n_to6)))
		dash_to6_begin(pkt);
	return DASH_DROP_NONE;
}

enum dash_drop dash_lookup_trusted(const struct dash_pkt *pkt)
{
	const struct dash_eni_cfg *ecfg = pkt->ecfg;
	const struct dash_inst *inst = pkt->inst;
	u32 vni = pkt->outer.vni;

	if (!inst->n_trusted && !ecfg->n_trusted)
		return DASH_DROP_NONE;
	/* has no VNI to be trusted or not */
	if (dash_pkt_is_frame(pkt))
		return DASH_DROP_NONE;
	if (dash_vni_in(inst->trusted, inst->n_trusted, vni) ||
	    dash_vni_in(ecfg->trusted, ecfg->n_trusted, vni))
		return DASH_DROP_NONE;
	return DASH_DROP_UNTRUSTED_VNI;
}
