// SPDX-License-Identifier: GPL-2.0
/*
 * What packets see of an ENI is a snapshot, built whenever something it is
 * made of changes, and swapped by one pointer.
 */
#include <linux/bsearch.h>
#include <linux/etherdevice.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "addr.h"
#include "aclgroup.h"
#include "config.h"
#include "eni.h"
#include "frag.h"
#include "inst.h"
#include "nl_gen.h"
#include "route.h"
#include "vnet.h"

bool dash_vni_in(const struct dash_vni_range *r, u32 n, u32 vni)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (vni >= r[i].lo && vni <= r[i].hi)
			return true;
	return false;
}

static int dash_addr_cmp(const void *a, const void *b)
{
	return ipv6_addr_cmp(a, b);
}

bool dash_eni_may_use(const struct dash_eni_cfg *cfg,
		      const struct in6_addr *addr)
{
	return !cfg->n_addr || bsearch(addr, cfg->addr, cfg->n_addr,
				       sizeof(*addr), dash_addr_cmp);
}

/* Deep enough for the largest packet, however slow the ENI. */
#define DASH_BW_MIN_DEPTH	(2 * 65536)

bool dash_eni_may_send(struct dash_eni *eni, const struct dash_eni_cfg *cfg,
		       u32 len)
{
	u64 depth, now, spell, earned;
	bool ok;

	if (!cfg->bw)
		return true;

	depth = max_t(u64, cfg->bw / 8, DASH_BW_MIN_DEPTH);
	spin_lock(&eni->bw_lock);
	now = ktime_get_ns();
	/* after a second the bucket is full anyway */
	spell = min_t(u64, now - eni->bw_last, NSEC_PER_SEC);
	earned = mul_u64_u64_div_u64(spell, cfg->bw, NSEC_PER_SEC);
	if (earned) {
		eni->bw_tokens = min(eni->bw_tokens + earned, depth);
		/* of what is not worth a byte yet nothing is lost */
		eni->bw_last = now - spell +
			       mul_u64_u64_div_u64(earned, NSEC_PER_SEC,
						   cfg->bw);
	}
	ok = eni->bw_tokens >= len;
	if (ok)
		eni->bw_tokens -= len;
	spin_unlock(&eni->bw_lock);
	return ok;
}

void dash_timeouts_parse(const struct nlattr *nest, unsigned long *timeout)
{
	const struct nlattr *nla;
	int rem;

	BUILD_BUG_ON((int)DASH_A_TIMEOUTS_MAX != (int)DASH_TIMEOUTS ||
		     (int)DASH_A_TIMEOUTS_OTHER - 1 != (int)DASH_TIMEOUT_OTHER);

	if (!nest)
		return;
	nla_for_each_nested(nla, nest, rem)
		timeout[nla_type(nla) - 1] =
			min_t(u32, nla_get_u32(nla), DASH_TIMEOUT_MAX / HZ) *
			HZ;
}

int dash_vni_ranges_parse(const struct dash_row *row, int attr,
			  struct dash_vni_range **ranges, u32 n)
{
	struct nlattr *tb[DASH_A_VNI_RANGE_MAX + 1];
	struct dash_vni_range *r;
	const struct nlattr *nla;
	u32 more = 0;
	int rem;

	dash_row_for_each(nla, row, rem)
		more += nla_type(nla) == attr;
	if (!more)
		return n;
	/* a row may hold more than the kernel gives in one piece */
	if (size_mul(n + more, sizeof(*r)) > KMALLOC_MAX_SIZE)
		return -E2BIG;
	r = krealloc(*ranges, (n + more) * sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	*ranges = r;
	dash_row_for_each(nla, row, rem) {
		if (nla_type(nla) != attr)
			continue;
		nla_parse_nested(tb, DASH_A_VNI_RANGE_MAX, nla,
				 dash_vni_range_nl_policy, NULL);
		r[n].lo = nla_get_u32(tb[DASH_A_VNI_RANGE_LO]);
		r[n].hi = nla_get_u32(tb[DASH_A_VNI_RANGE_HI]);
		n++;
	}
	return n;
}

struct dash_eni *dash_eni_alloc(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_eni *eni;

	eni = kzalloc(sizeof(*eni), GFP_KERNEL_ACCOUNT);
	if (!eni)
		return NULL;
	eni->stats = alloc_percpu_gfp(struct dash_eni_stats,
				      GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!eni->stats)
		goto free_eni;
	if (dash_meters_init(&eni->meters))
		goto free_stats;
	eni->dn = dn;
	eni->sym = sym;
	eni->name = sym->name;
	/* 24 bits name it in keys; an id comes back after 16 million ENIs */
	eni->id = ++dn->next_eni_id & 0xffffff;
	spin_lock_init(&eni->bw_lock);
	dash_icmp_limit_init(&eni->icmp[0]);
	dash_icmp_limit_init(&eni->icmp[1]);
	dash_flow_eni_init(eni);
	return eni;

free_stats:
	free_percpu(eni->stats);
free_eni:
	kfree(eni);
	return NULL;
}

static void dash_eni_cfg_free(struct dash_eni_cfg *cfg)
{
	if (!cfg)
		return;
	kfree(cfg->trusted);
	kvfree(cfg->addr);
	kfree(cfg);
}

static void dash_eni_free_rcu(struct rcu_head *rcu)
{
	struct dash_eni *eni = container_of(rcu, struct dash_eni, rcu);

	free_percpu(eni->stats);
	kfree(eni);
}

/* No packet and no connection is left, but a dump may look at one that it
 * found before.
 */
void dash_eni_free(struct dash_eni *eni)
{
	dash_eni_unprepare(eni);
	dash_eni_cfg_free(rcu_dereference_protected(eni->cfg, true));
	kvfree(rcu_dereference_protected(eni->rules, true));
	dash_meters_fini(&eni->meters);
	call_rcu(&eni->rcu, dash_eni_free_rcu);
}

/* No two ENIs have one MAC: it is what tells them apart. */
int dash_eni_check(struct dash_txn *txn, struct dash_sym *sym)
{
	const struct nlattr *mac = dash_row_get(dash_sym_next(sym),
						DASH_A_ENI_MAC);
	struct dash_sym *other, *seen = NULL;
	const struct nlattr *taken;
	unsigned long id;

	xa_for_each(&txn->dn->by_id[DASH_OBJECT_TYPE_ENI], id, other) {
		if (other == sym || other->staged || !dash_sym_next(other))
			continue;
		taken = dash_row_get(dash_sym_next(other), DASH_A_ENI_MAC);
		if (ether_addr_equal(nla_data(mac), nla_data(taken)))
			seen = other;
	}
	list_for_each_entry(other, &txn->syms, staged_list) {
		if (other->type != DASH_OBJECT_TYPE_ENI || other == sym ||
		    !dash_sym_next(other))
			continue;
		taken = dash_row_get(dash_sym_next(other), DASH_A_ENI_MAC);
		if (ether_addr_equal(nla_data(mac), nla_data(taken)))
			seen = other;
	}
	if (seen)
		return dash_txn_fail(txn, -EEXIST,
				     "mac_address %pM is that of DASH_ENI_TABLE:%s",
				     nla_data(mac), seen->name);
	return 0;
}

static void dash_eni_bind_acl(struct dash_txn *txn, struct dash_eni_cfg *cfg,
			      const struct dash_row *row)
{
	static const u16 attr[2] = { DASH_A_ACL_BIND_V4_GROUP,
				     DASH_A_ACL_BIND_V6_GROUP };
	u8 dir = dash_row_u8(row, DASH_A_ACL_BIND_DIRECTION, 0);
	u8 stage = dash_row_u8(row, DASH_A_ACL_BIND_STAGE, 0);
	struct dash_acl_bind *bind;
	struct dash_sym *group;
	int v6, i;

	for (v6 = 0; v6 < 2; v6++) {
		group = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_ACL_GROUP,
					dash_row_get(row, attr[v6]));
		if (!group)
			continue;
		bind = &cfg->acl[dir][v6];
		for (i = bind->n++; i && bind->stage[i - 1] > stage; i--) {
			bind->stage[i] = bind->stage[i - 1];
			bind->group[i] = bind->group[i - 1];
		}
		bind->stage[i] = stage;
		bind->group[i] = group->data;
	}
}

static void dash_eni_bind(struct dash_txn *txn, struct dash_eni_cfg *cfg)
{
	struct dash_sym *sym, *group;
	struct dash_row *row;

	list_for_each_entry(sym, &cfg->eni->sym->children, sibling) {
		/* bindings stand before all rules */
		if (sym->type == DASH_OBJECT_TYPE_ROUTE_RULE)
			break;
		row = dash_sym_next(sym);
		if (!row)
			continue;
		switch (sym->type) {
		case DASH_OBJECT_TYPE_ACL_BIND:
			dash_eni_bind_acl(txn, cfg, row);
			break;
		case DASH_OBJECT_TYPE_ENI_ROUTE:
			group = dash_sym_of_nla(txn->dn,
						DASH_OBJECT_TYPE_ROUTE_GROUP,
						dash_row_get(row, DASH_A_ENI_ROUTE_GROUP));
			cfg->routes = group->data;
			break;
		}
	}
}

static int dash_eni_parse_addrs(struct dash_eni_cfg *cfg,
				const struct dash_row *row)
{
	const struct nlattr *nla;
	int rem;
	u32 n = 0;

	dash_row_for_each(nla, row, rem)
		n += nla_type(nla) == DASH_A_ENI_ADDRESS;
	if (!n)
		return 0;
	cfg->addr = kvcalloc(n, sizeof(*cfg->addr), GFP_KERNEL_ACCOUNT);
	if (!cfg->addr)
		return -ENOMEM;
	dash_row_for_each(nla, row, rem)
		if (nla_type(nla) == DASH_A_ENI_ADDRESS)
			dash_nla_addr(nla, &cfg->addr[cfg->n_addr++]);
	sort(cfg->addr, n, sizeof(*cfg->addr), dash_addr_cmp, NULL);
	return 0;
}

static void dash_eni_parse_qos(struct dash_eni_cfg *cfg,
			       const struct dash_row *qos)
{
	const struct nlattr *bw = dash_row_get(qos, DASH_A_QOS_BW);

	cfg->max_cps = dash_row_u32(qos, DASH_A_QOS_CPS, 0);
	cfg->max_flows = dash_row_u32(qos, DASH_A_QOS_FLOWS, 0);
	/* kbit/s to bytes/s; more than this is no limit */
	if (bw && nla_get_u64(bw) <= U32_MAX)
		cfg->bw = nla_get_u64(bw) * 125;
}

static int dash_eni_parse_meter(struct dash_txn *txn, struct dash_eni_cfg *cfg,
				const struct dash_row *row,
				const struct nlattr *nla)
{
	bool v6 = nla_type(nla) == DASH_A_ENI_V6_METER_POLICY;
	struct dash_sym *sym;

	sym = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_METER_POLICY, nla);
	if (v6 != dash_row_is_v6(dash_sym_next(sym),
				 DASH_A_METER_POLICY_IP_VERSION)) {
		txn->row = row;
		return dash_txn_fail(txn, -EINVAL,
				     "v%d_meter_policy_id: DASH_METER_POLICY:%s is of the other ip_version",
				     v6 ? 6 : 4, sym->name);
	}
	cfg->meter[v6] = sym->data;
	return 0;
}

/* Of a limit, so many percent and at least one; 0 is no limit. */
static u32 dash_eni_share(u32 limit, u8 percent)
{
	return div_u64((u64)limit * percent + 99, 100);
}

static int dash_eni_parse(struct dash_txn *txn, struct dash_eni_cfg *cfg,
			  const struct dash_inst *inst,
			  const struct dash_row *row)
{
	struct dash_net *dn = txn->dn;
	const struct nlattr *nla;
	struct in6_addr addr;
	struct dash_sym *sym;
	u8 half_open = 0;
	int rem, err;

	cfg->check_reply_pa = true;
	dash_row_for_each(nla, row, rem) {
		switch (nla_type(nla)) {
		case DASH_A_ENI_MAC:
			ether_addr_copy(cfg->mac, nla_data(nla));
			break;
		case DASH_A_ENI_ADMIN_STATE:
			cfg->enabled = nla_get_u8(nla);
			break;
		case DASH_A_ENI_UNDERLAY_IP:
			dash_nla_addr(nla, &cfg->underlay_ip);
			cfg->has_underlay_ip = true;
			break;
		case DASH_A_ENI_VM_VNI:
			cfg->vm_vni = nla_get_u32(nla);
			break;
		case DASH_A_ENI_ENCAP_SIP:
			dash_nla_addr(nla, &addr);
			cfg->encap_sip[!dash_addr_is_v4(&addr)] = addr;
			break;
		case DASH_A_ENI_PL_UNDERLAY_SIP:
			dash_nla_addr(nla, &addr);
			cfg->pl_underlay_sip[!dash_addr_is_v4(&addr)] = addr;
			break;
		case DASH_A_ENI_PL_SIP:
			cfg->pl_sip = nla_get_in6_addr(nla);
			cfg->has_pl_sip = true;
			break;
		case DASH_A_ENI_PL_SIP_MASK:
			cfg->pl_mask = nla_get_in6_addr(nla);
			break;
		case DASH_A_ENI_DSCP_MODE:
			cfg->dscp_pipe = nla_get_u8(nla) == DASH_DSCP_MODE_PIPE;
			break;
		case DASH_A_ENI_DSCP:
			cfg->dscp = nla_get_u8(nla);
			break;
		case DASH_A_ENI_HALF_OPEN:
			half_open = nla_get_u8(nla);
			break;
		case DASH_A_ENI_RESIM_RATE:
			cfg->resim_rate = nla_get_u32(nla);
			break;
		case DASH_A_ENI_CHECK_REPLY_PA:
			cfg->check_reply_pa = nla_get_u8(nla);
			break;
		case DASH_A_ENI_TIMEOUTS:
			dash_timeouts_parse(nla, cfg->timeout);
			break;
		case DASH_A_ENI_VNET:
			sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_VNET, nla);
			cfg->vnet = sym->data;
			break;
		case DASH_A_ENI_QOS:
			sym = dash_sym_of_nla(dn, DASH_OBJECT_TYPE_QOS, nla);
			dash_eni_parse_qos(cfg, dash_sym_next(sym));
			break;
		case DASH_A_ENI_V4_METER_POLICY:
		case DASH_A_ENI_V6_METER_POLICY:
			err = dash_eni_parse_meter(txn, cfg, row, nla);
			if (err)
				return err;
			break;
		}
	}
	err = dash_vni_ranges_parse(row, DASH_A_ENI_TRUSTED_VNI,
				    &cfg->trusted, 0);
	if (err < 0)
		return err;
	cfg->n_trusted = err;
	cfg->max_half = dash_eni_share(cfg->max_flows ?: inst->max_flows,
				       half_open);
	return dash_eni_parse_addrs(cfg, row);
}

int dash_eni_prepare(struct dash_txn *txn, struct dash_eni *eni)
{
	const struct dash_inst *inst = txn->dn->next_inst ?:
				       dash_dereference(txn->dn, txn->dn->inst);
	struct dash_eni_cfg *cfg;
	int err;

	cfg = kzalloc(sizeof(*cfg), GFP_KERNEL_ACCOUNT);
	if (!cfg)
		return -ENOMEM;
	cfg->eni = eni;
	cfg->vm_vni = inst->first_vm_vni;
	memcpy(cfg->timeout, inst->timeout, sizeof(cfg->timeout));
	err = dash_eni_parse(txn, cfg, inst, dash_sym_next(eni->sym));
	if (err) {
		dash_eni_cfg_free(cfg);
		return err;
	}
	dash_eni_bind(txn, cfg);
	eni->next = cfg;
	return 0;
}

void dash_eni_unprepare(struct dash_eni *eni)
{
	dash_eni_cfg_free(eni->next);
	eni->next = NULL;
	kvfree(eni->next_rules);
	eni->next_rules = NULL;
}

void dash_eni_publish(struct dash_eni *eni)
{
	struct dash_net *dn = eni->dn;
	struct dash_eni_cfg *old = dash_dereference(dn, eni->cfg);
	struct hlist_head *head;

	if (eni->next_rules) {
		eni->old_rules = dash_dereference(dn, eni->rules);
		rcu_assign_pointer(eni->rules, eni->next_rules);
		eni->next_rules = NULL;
	}
	if (!eni->next)
		return;

	/* Under the same MAC there is never a moment without the ENI. */
	head = &dn->eni_hash[dash_eni_bucket(eni->next->mac)];
	if (old && ether_addr_equal(old->mac, eni->next->mac)) {
		hlist_replace_rcu(&old->node, &eni->next->node);
	} else {
		hlist_add_head_rcu(&eni->next->node, head);
		if (old)
			hlist_del_rcu(&old->node);
	}
	rcu_assign_pointer(eni->cfg, eni->next);
	eni->next = NULL;
	eni->old_cfg = old;
}

/* From now on no packet finds the ENI. */
void dash_eni_retire(struct dash_eni *eni)
{
	struct dash_eni_cfg *cfg = dash_dereference(eni->dn, eni->cfg);

	if (!cfg)
		return;
	hlist_del_rcu(&cfg->node);
	RCU_INIT_POINTER(eni->cfg, NULL);
	eni->old_cfg = cfg;
}

/* Tables that concern every ENI, however little of them changed. */
#define DASH_TYPES_ALL_ENIS	(BIT(DASH_OBJECT_TYPE_APPLIANCE) |	\
				 BIT(DASH_OBJECT_TYPE_VNET) |		\
				 BIT(DASH_OBJECT_TYPE_QOS) |		\
				 BIT(DASH_OBJECT_TYPE_ROUTING_TYPE) |	\
				 BIT(DASH_OBJECT_TYPE_PA_VALIDATION))

static bool dash_eni_is_concerned(const struct dash_txn *txn,
				  const struct dash_eni *eni)
{
	const struct dash_eni_cfg *cfg = dash_dereference(eni->dn, eni->cfg);
	const struct dash_acl_bind *bind;
	int dir, v6, i;

	if (txn->types & DASH_TYPES_ALL_ENIS || eni->sym->staged ||
	    eni->sym->dirty)
		return true;
	if (!cfg)
		return false;
	if (cfg->routes && cfg->routes->staged)
		return true;
	for (v6 = 0; v6 < 2; v6++)
		if (cfg->meter[v6] && (cfg->meter[v6]->sym->staged ||
				       cfg->meter[v6]->sym->dirty))
			return true;
	for (dir = 0; dir < 2; dir++) {
		for (v6 = 0; v6 < 2; v6++) {
			bind = &cfg->acl[dir][v6];
			for (i = 0; i < bind->n; i++)
				if (bind->group[i]->dirty)
					return true;
		}
	}
	return false;
}

/* Have the connections that a change concerns re-decided with their next
 * packet. A mapping is another matter: see dash_flow_act.
 */
void dash_eni_mark(struct dash_txn *txn, struct dash_eni *eni)
{
	if (!dash_eni_is_concerned(txn, eni))
		return;
	dash_policy_advance(&eni->gen, &eni->marks, txn->policy);
	txn->marked = true;
}

/* A grace period has passed since publishing or retiring. */
void dash_eni_reap(struct dash_eni *eni, struct dash_flow_table *ft)
{
	const struct dash_eni_cfg *cfg = dash_dereference(eni->dn, eni->cfg);

	/* connections age by the time that they had when last looked at */
	if (cfg && eni->old_cfg &&
	    memcmp(cfg->timeout, eni->old_cfg->timeout, sizeof(cfg->timeout)))
		dash_flow_retime(ft, eni);
	dash_eni_cfg_free(eni->old_cfg);
	eni->old_cfg = NULL;
	kvfree(eni->old_rules);
	eni->old_rules = NULL;
	if (rcu_access_pointer(eni->cfg))
		return;
	dash_frag_flush_eni(eni->dn, eni);
	if (ft)
		dash_flow_flush_eni(ft, eni);
}
