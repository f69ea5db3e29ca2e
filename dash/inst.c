// SPDX-License-Identifier: GPL-2.0
#include <linux/bsearch.h>
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "addr.h"
#include "config.h"
#include "inst.h"
#include "nl_gen.h"

static int dash_vip_cmp(const void *a, const void *b)
{
	return ipv6_addr_cmp(a, b);
}

static int dash_vni_cmp(const void *a, const void *b)
{
	u32 x = *(u32 *)a, y = *(u32 *)b;

	return x < y ? -1 : x > y;
}

bool dash_inst_find_vip(const struct dash_inst *inst,
			const struct in6_addr *addr)
{
	return bsearch(addr, inst->vip, inst->n_vip, sizeof(*addr),
		       dash_vip_cmp);
}

bool dash_inst_find_vm_vni(const struct dash_inst *inst, u32 vni)
{
	return bsearch(&vni, inst->vm_vni, inst->n_vm_vni, sizeof(vni),
		       dash_vni_cmp);
}

bool dash_inst_has_pa(const struct dash_inst *inst, u32 vni,
		      const struct in6_addr *pa)
{
	u32 lo = 0, hi = inst->n_pa, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (inst->pa[mid].vni < vni)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < inst->n_pa && inst->pa[lo].vni == vni; lo++)
		if (dash_addr_in(pa, &inst->pa[lo].addr, inst->pa[lo].plen))
			return true;
	return false;
}

/* Attributes that only one row may have. */
#define DASH_INST_IS_SETTING(attr)	((attr) >= DASH_A_APPLIANCE_ENI_KEY)

static bool dash_row_has_settings(const struct dash_row *row)
{
	const struct nlattr *nla;
	int rem;

	dash_row_for_each(nla, row, rem)
		if (DASH_INST_IS_SETTING(nla_type(nla)))
			return true;
	return false;
}

int dash_inst_check(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_sym *other;
	unsigned long id;

	if (!dash_row_has_settings(dash_sym_next(sym)))
		return 0;
	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_APPLIANCE], id, other)
		if (other != sym && dash_sym_next(other) &&
		    dash_row_has_settings(dash_sym_next(other)))
			goto fail;
	list_for_each_entry(other, &txn->syms, staged_list)
		if (other->type == DASH_OBJECT_TYPE_APPLIANCE &&
		    other != sym && dash_sym_next(other) &&
		    dash_row_has_settings(dash_sym_next(other)))
			goto fail;
	return 0;

fail:
	return dash_txn_fail(txn, -EEXIST,
			     "DASH_APPLIANCE_TABLE:%s has instance settings already",
			     other->name);
}

static struct dash_inst *dash_inst_defaults(void)
{
	static const u16 seconds[DASH_TIMEOUTS] = {
		[DASH_TIMEOUT_SYN] = 5,
		[DASH_TIMEOUT_ESTABLISHED] = 350,
		[DASH_TIMEOUT_FIN] = 5,
		[DASH_TIMEOUT_CLOSED] = 5,
		[DASH_TIMEOUT_TIME_WAIT] = 5,
		[DASH_TIMEOUT_UDP_NEW] = 30,
		[DASH_TIMEOUT_UDP_STREAM] = 180,
		[DASH_TIMEOUT_ICMP] = 30,
		[DASH_TIMEOUT_OTHER] = 60,
	};
	/* DMAC_FAKE of the glossary of DASH */
	static const u8 fake_mac[ETH_ALEN] __aligned(2) = {
		0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc
	};
	struct dash_inst *inst;
	int i;

	inst = kzalloc(sizeof(*inst), GFP_KERNEL_ACCOUNT);
	if (!inst)
		return NULL;
	for (i = 0; i < DASH_TIMEOUTS; i++)
		inst->timeout[i] = seconds[i] * HZ;
	inst->vxlan_port = htons(DASH_DEFAULT_VXLAN_PORT);
	inst->max_flows = DASH_DEFAULT_MAX_FLOWS;
	inst->df = true;
	inst->encap[DASH_INST_SERVICETUNNEL].type = DASH_ENCAP_TYPE_NVGRE;
	inst->encap[DASH_INST_PRIVATELINK].type = DASH_ENCAP_TYPE_NVGRE;
	ether_addr_copy(inst->fake_mac, fake_mac);
	return inst;
}

void dash_inst_free(struct dash_inst *inst)
{
	if (!inst)
		return;
	kfree(inst->vip);
	kfree(inst->vm_vni);
	kfree(inst->trusted);
	kfree(inst->nexthop);
	kvfree(inst->pa);
	kfree(inst);
}

static int dash_nexthop_cmp(const void *a, const void *b)
{
	const struct dash_nexthop *x = a, *y = b;

	if (x->any != y->any)
		return x->any ? 1 : -1;
	return (int)y->plen - x->plen;
}

static void dash_nexthop_parse(struct dash_nexthop *nh,
			       const struct nlattr *nest)
{
	struct nlattr *tb[DASH_A_NEXTHOP_MAX + 1];

	nla_parse_nested(tb, DASH_A_NEXTHOP_MAX, nest, dash_nexthop_nl_policy,
			 NULL);
	dash_nla_addr(tb[DASH_A_NEXTHOP_ADDR], &nh->addr);
	nh->plen = nla_get_u8(tb[DASH_A_NEXTHOP_LEN]) +
		   (nla_len(tb[DASH_A_NEXTHOP_ADDR]) == 4 ? 96 : 0);
	ether_addr_copy(nh->dst_mac, nla_data(tb[DASH_A_NEXTHOP_DST_MAC]));
	if (tb[DASH_A_NEXTHOP_SRC_MAC])
		ether_addr_copy(nh->src_mac,
				nla_data(tb[DASH_A_NEXTHOP_SRC_MAC]));
	if (tb[DASH_A_NEXTHOP_PORT])
		nla_strscpy(nh->port, tb[DASH_A_NEXTHOP_PORT], IFNAMSIZ);
}

static int dash_inst_grow(void **array, u32 n, size_t size)
{
	void *p;

	/* rows may hold more than the kernel gives in one piece */
	if (size_mul(n, size) > KMALLOC_MAX_SIZE)
		return -E2BIG;
	p = krealloc(*array, n * size, GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	*array = p;
	return 0;
}

static int dash_inst_add_row(struct dash_inst *inst, const struct dash_row *row)
{
	const struct nlattr *nla, *mac = NULL, *src_mac = NULL;
	struct dash_nexthop *nh;
	int rem, err;

	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_APPLIANCE_SIP:
			err = dash_inst_grow((void **)&inst->vip,
					     inst->n_vip + 1,
					     sizeof(*inst->vip));
			if (err)
				return err;
			dash_nla_addr(nla, &inst->vip[inst->n_vip++]);
			break;
		case DASH_A_APPLIANCE_VM_VNI:
			err = dash_inst_grow((void **)&inst->vm_vni,
					     inst->n_vm_vni + 1,
					     sizeof(*inst->vm_vni));
			if (err)
				return err;
			inst->vm_vni[inst->n_vm_vni++] = nla_get_u32(nla);
			break;
		case DASH_A_APPLIANCE_NEXTHOP:
			err = dash_inst_grow((void **)&inst->nexthop,
					     inst->n_nexthop + 1, sizeof(*nh));
			if (err)
				return err;
			nh = &inst->nexthop[inst->n_nexthop++];
			memset(nh, 0, sizeof(*nh));
			dash_nexthop_parse(nh, nla);
			break;
		case DASH_A_APPLIANCE_ENI_KEY:
			inst->eni_key = nla_get_u8(nla);
			break;
		case DASH_A_APPLIANCE_VXLAN_PORT:
			inst->vxlan_port = htons(nla_get_u16(nla));
			break;
		case DASH_A_APPLIANCE_MAX_FLOWS:
			inst->max_flows = nla_get_u32(nla);
			break;
		case DASH_A_APPLIANCE_MAX_MEMORY:
			inst->max_memory = nla_get_u64(nla);
			break;
		case DASH_A_APPLIANCE_TCP_LOOSE:
			inst->tcp_loose = nla_get_u8(nla);
			break;
		case DASH_A_APPLIANCE_TIMEOUTS:
			dash_timeouts_parse(nla, inst->timeout);
			break;
		case DASH_A_APPLIANCE_UDP_SPORT:
			inst->fixed_sport = true;
			inst->udp_sport = htons(nla_get_u16(nla));
			break;
		case DASH_A_APPLIANCE_DF:
			inst->df = nla_get_u8(nla);
			break;
		case DASH_A_APPLIANCE_IP_ID:
			inst->ip_id = htons(nla_get_u16(nla));
			break;
		case DASH_A_APPLIANCE_UDP_CSUM:
			inst->udp_csum = nla_get_u8(nla);
			break;
		case DASH_A_APPLIANCE_UNDERLAY_MODE:
			inst->underlay_mode = nla_get_u8(nla);
			break;
		case DASH_A_APPLIANCE_NEXT_HOP_MAC:
			mac = nla;
			break;
		case DASH_A_APPLIANCE_NEXT_HOP_SRC_MAC:
			src_mac = nla;
			break;
		case DASH_A_APPLIANCE_FAKE_MAC:
			ether_addr_copy(inst->fake_mac, nla_data(nla));
			break;
		case DASH_A_APPLIANCE_ACCEPT_ANY_MAC:
			inst->accept_any_mac = nla_get_u8(nla);
			break;
		}
	}

	if (mac || src_mac) {
		err = dash_inst_grow((void **)&inst->nexthop,
				     inst->n_nexthop + 1, sizeof(*nh));
		if (err)
			return err;
		nh = &inst->nexthop[inst->n_nexthop++];
		memset(nh, 0, sizeof(*nh));
		nh->any = true;
		if (mac)
			ether_addr_copy(nh->dst_mac, nla_data(mac));
		if (src_mac)
			ether_addr_copy(nh->src_mac, nla_data(src_mac));
	}

	err = dash_vni_ranges_parse(row, DASH_A_APPLIANCE_TRUSTED_VNI,
				    &inst->trusted, inst->n_trusted);
	if (err < 0)
		return err;
	inst->n_trusted = err;
	return 0;
}

static int dash_pa_row_cmp(const void *a, const void *b)
{
	const struct dash_pa_row *x = a, *y = b;

	return x->vni < y->vni ? -1 : x->vni > y->vni;
}

static int dash_inst_add_pas(struct dash_txn *txn, struct dash_inst *inst)
{
	struct nlattr *tb[DASH_A_PREFIX_MAX + 1];
	const struct nlattr *nla;
	struct dash_pa_row *pa;
	struct dash_row *row;
	struct dash_sym *sym;
	unsigned long id;
	u32 n = 0;
	int rem;

	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_PA_VALIDATION], id, sym)
		if (dash_sym_next(sym))
			dash_row_for_each(nla, dash_sym_next(sym), rem)
				n++;
	if (!n)
		return 0;
	inst->pa = kvcalloc(n, sizeof(*inst->pa), GFP_KERNEL_ACCOUNT);
	if (!inst->pa)
		return -ENOMEM;

	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_PA_VALIDATION], id, sym) {
		row = dash_sym_next(sym);
		if (!row)
			continue;
		dash_row_for_each(nla, row, rem) {
			if (nla_type(nla) != DASH_A_PA_VALIDATION_PREFIX)
				continue;
			nla_parse_nested(tb, DASH_A_PREFIX_MAX, nla,
					 dash_prefix_nl_policy, NULL);
			pa = &inst->pa[inst->n_pa++];
			pa->vni = dash_row_u32(row, DASH_A_PA_VALIDATION_VNI, 0);
			dash_nla_addr(tb[DASH_A_PREFIX_ADDR], &pa->addr);
			pa->plen = nla_get_u8(tb[DASH_A_PREFIX_LEN]) +
				   (nla_len(tb[DASH_A_PREFIX_ADDR]) == 4 ? 96 : 0);
		}
	}
	sort(inst->pa, inst->n_pa, sizeof(*inst->pa), dash_pa_row_cmp, NULL);
	return 0;
}

/* A routing type may name a VNI and another encapsulation than it has without a
 * row: VXLAN within VNETs, NVGRE to services.
 */
static void dash_inst_add_type(struct dash_txn *txn, const char *name,
			       struct dash_inst_encap *encap)
{
	struct nlattr *tb[DASH_A_TYPE_STEP_MAX + 1];
	const struct nlattr *nla;
	struct dash_sym *sym;
	int rem;

	sym = dash_sym_find(txn->dn, DASH_OBJECT_TYPE_ROUTING_TYPE, name);
	if (!sym || !dash_sym_next(sym))
		return;
	dash_row_for_each(nla, dash_sym_next(sym), rem) {
		if (nla_type(nla) != DASH_A_ROUTING_TYPE_STEP ||
		    nla_parse_nested(tb, DASH_A_TYPE_STEP_MAX, nla,
				     dash_type_step_nl_policy, NULL))
			continue;
		if (tb[DASH_A_TYPE_STEP_VNI]) {
			encap->vni = nla_get_u32(tb[DASH_A_TYPE_STEP_VNI]);
			encap->has_vni = true;
		}
		if (tb[DASH_A_TYPE_STEP_ENCAP])
			encap->type = nla_get_u8(tb[DASH_A_TYPE_STEP_ENCAP]);
	}
}

/* Build the settings that the rows of the end state make. */
int dash_inst_prepare(struct dash_txn *txn)
{
	static const char * const types[DASH_INST_TYPES] = {
		[DASH_INST_VNET_ENCAP] = "vnet_encap",
		[DASH_INST_SERVICETUNNEL] = "servicetunnel",
		[DASH_INST_PRIVATELINK] = "privatelink",
	};
	struct dash_inst *inst = dash_inst_defaults();
	struct in6_addr first[2] = {};
	struct dash_sym *sym;
	unsigned long id;
	int i, v6, err;

	if (!inst)
		return -ENOMEM;
	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_APPLIANCE], id, sym) {
		if (!dash_sym_next(sym))
			continue;
		err = dash_inst_add_row(inst, dash_sym_next(sym));
		if (err)
			goto free_inst;
	}
	err = dash_inst_add_pas(txn, inst);
	if (err)
		goto free_inst;
	for (i = 0; i < DASH_INST_TYPES; i++)
		dash_inst_add_type(txn, types[i], &inst->encap[i]);

	/* Sorting forgets which was first. */
	if (inst->n_vm_vni)
		inst->first_vm_vni = inst->vm_vni[0];
	for (i = inst->n_vip; i--;)
		first[!dash_addr_is_v4(&inst->vip[i])] = inst->vip[i];
	sort(inst->vip, inst->n_vip, sizeof(*inst->vip), dash_vip_cmp, NULL);
	sort(inst->vm_vni, inst->n_vm_vni, sizeof(*inst->vm_vni), dash_vni_cmp,
	     NULL);
	sort(inst->nexthop, inst->n_nexthop, sizeof(*inst->nexthop),
	     dash_nexthop_cmp, NULL);
	for (v6 = 0; v6 < 2; v6++)
		inst->first_vip[v6] = ipv6_addr_any(&first[v6]) ? NULL :
				      bsearch(&first[v6], inst->vip, inst->n_vip,
					      sizeof(*inst->vip), dash_vip_cmp);
	txn->dn->next_inst = inst;
	return 0;

free_inst:
	dash_inst_free(inst);
	return err;
}
