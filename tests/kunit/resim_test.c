// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of dash/resim.c: how decisions stand after changes, those that
 * change while a decision is made included.
 */
#include <kunit/test.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "eni.h"
#include "flow.h"
#include "inst.h"
#include "mapping.h"
#include "netns.h"
#include "parse.h"
#include "policy.h"
#include "resim.h"
#include "route.h"
#include "vnet.h"

struct resim_ctx {
	struct dash_net dn;
	struct dash_inst inst, next_inst;
	struct dash_eni eni;
	struct dash_eni_cfg cfg, next_cfg;
	struct dash_vnet vnet;
	struct dash_pkt pkt;
};

/* the only mapping that there is, if it has an id */
static struct dash_mapping resim_mapping;

/* Stand in for dash/mapping.c, route.c and inst.c. */
const struct dash_mapping *dash_mapping_lookup(const struct dash_vnet *vnet,
					       const struct in6_addr *ip)
{
	return resim_mapping.id ? &resim_mapping : NULL;
}

enum dash_drop dash_route_lookup(const struct dash_route_group *group,
				 const struct in6_addr *dst,
				 struct dash_route *route)
{
	return DASH_DROP_NO_ROUTE;
}

bool dash_inst_find_vip(const struct dash_inst *inst,
			const struct in6_addr *addr)
{
	return false;
}

static int resim_test_init(struct kunit *test)
{
	struct resim_ctx *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	if (!c)
		return -ENOMEM;
	xa_init(&c->dn.by_id[DASH_OBJECT_TYPE_VNET]);
	RCU_INIT_POINTER(c->dn.inst, &c->inst);
	RCU_INIT_POINTER(c->eni.cfg, &c->cfg);
	c->eni.dn = &c->dn;
	c->pkt.dn = &c->dn;
	c->pkt.inst = &c->inst;
	c->pkt.eni = &c->eni;
	c->pkt.ecfg = &c->cfg;
	resim_mapping.id = 1;
	test->priv = c;
	return 0;
}

/* A decision made now, by the mapping if it is to be by the VNET's. */
static struct dash_flow_act resim_act(struct resim_ctx *c, bool mapped)
{
	struct dash_flow_act act = {};

	dash_resim_begin(&c->pkt, &act);
	if (mapped) {
		act.vnet = &c->vnet;
		act.vnet_gen = c->vnet.gen;
		act.mapping = resim_mapping.id;
	}
	return act;
}

static int resim_standing(struct resim_ctx *c, const struct dash_flow_act *act)
{
	struct dash_standing st;

	rcu_read_lock();
	dash_resim_standing(&c->eni, act, &st);
	rcu_read_unlock();
	return st.kind;
}

static void resim_change(struct resim_ctx *c, u8 policy)
{
	dash_policy_advance(&c->eni.gen, &c->eni.marks, policy);
}

static void resim_test_eni(struct kunit *test)
{
	struct resim_ctx *c = test->priv;
	struct dash_flow_act old, act;
	u32 start;

	/* also where generations begin again */
	for (start = 0; start < 8; start++) {
		c->eni.gen = -start;
		c->eni.marks.resim = c->eni.gen;
		c->eni.marks.cut = c->eni.gen;
		old = resim_act(c, false);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_CURRENT);
		resim_change(c, DASH_POLICY_KEEP);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_KEPT);
		act = resim_act(c, false);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
				DASH_STANDING_CURRENT);
		resim_change(c, DASH_POLICY_KEEP);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_KEPT);
		resim_change(c, DASH_POLICY_RESIMULATE);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_STALE);
		act = resim_act(c, false);
		resim_change(c, DASH_POLICY_KEEP);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
				DASH_STANDING_KEPT);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_STALE);
		resim_change(c, DASH_POLICY_CUT);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
				DASH_STANDING_CUT);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &old),
				DASH_STANDING_CUT);
		act = resim_act(c, false);
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
				DASH_STANDING_CURRENT);
	}
}

static void resim_test_vnet(struct kunit *test)
{
	static const u8 policy[] = {
		DASH_POLICY_RESIMULATE, DASH_POLICY_KEEP, DASH_POLICY_CUT,
	};
	static const u8 want[] = {
		DASH_STANDING_STALE, DASH_STANDING_KEPT, DASH_STANDING_CUT,
	};
	struct resim_ctx *c = test->priv;
	struct dash_vnet *vnet = &c->vnet;
	struct dash_flow_act act;
	struct dash_standing st;
	int i;

	for (i = 0; i < ARRAY_SIZE(policy); i++) {
		act = resim_act(c, true);
		dash_policy_advance(&vnet->gen, &vnet->marks, policy[i]);
		/* another mapping, unless all count */
		if (policy[i] != DASH_POLICY_KEEP) {
			KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
					DASH_STANDING_CURRENT);
			act.mapping = 0;
			KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
					want[i]);
			act.mapping = resim_mapping.id;
		}
		resim_mapping.id++;
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act), want[i]);
		resim_mapping.id = 0;
		KUNIT_EXPECT_EQ(test, resim_standing(c, &act), want[i]);
		resim_mapping.id = 10 * i + 10;
	}

	/* what is noted is not asked again, and then concerned like others */
	act = resim_act(c, true);
	resim_mapping.id++;
	dash_policy_advance(&vnet->gen, &vnet->marks, DASH_POLICY_KEEP);
	dash_resim_standing(&c->eni, &act, &st);
	dash_resim_note(&act, &st);
	KUNIT_EXPECT_EQ(test, act.vnet_gen, vnet->gen);
	KUNIT_EXPECT_EQ(test, resim_standing(c, &act), DASH_STANDING_CURRENT);
	dash_policy_advance(&vnet->gen, &vnet->marks, DASH_POLICY_RESIMULATE);
	KUNIT_EXPECT_EQ(test, resim_standing(c, &act), DASH_STANDING_STALE);

	/* a VNET that is gone is not looked at, even by a stale decision */
	resim_change(c, DASH_POLICY_KEEP);
	act.vnet = (void *)8;
	act.vnet_id = 5;
	dash_resim_standing(&c->eni, &act, &st);
	KUNIT_EXPECT_EQ(test, st.kind, DASH_STANDING_KEPT);
	KUNIT_EXPECT_NULL(test, st.vnet);
}

/* Settings replaced between the beginning of a batch and a decision, with the
 * generation advanced before or after that reads it.
 */
static void resim_test_race(struct kunit *test)
{
	static const u8 policy[] = {
		DASH_POLICY_RESIMULATE, DASH_POLICY_KEEP, DASH_POLICY_CUT,
	};
	struct resim_ctx *c = test->priv;
	struct dash_flow_act act;
	int i, late, inst;

	for (i = 0; i < ARRAY_SIZE(policy); i++) {
		for (late = 0; late < 2; late++) {
			for (inst = 0; inst < 2; inst++) {
				RCU_INIT_POINTER(c->dn.inst, inst ?
						 &c->next_inst : &c->inst);
				RCU_INIT_POINTER(c->eni.cfg, inst ? &c->cfg :
						 &c->next_cfg);
				if (!late)
					resim_change(c, policy[i]);
				act = resim_act(c, false);
				if (late)
					resim_change(c, policy[i]);
				KUNIT_EXPECT_TRUE(test, act.again);
				KUNIT_EXPECT_NE(test, act.gen, c->eni.gen);
				KUNIT_EXPECT_EQ(test, resim_standing(c, &act),
						DASH_STANDING_STALE);
			}
		}
	}
	/* a generation later the same packet would be right */
	c->pkt.inst = &c->next_inst;
	act = resim_act(c, false);
	KUNIT_EXPECT_FALSE(test, act.again);
	KUNIT_EXPECT_EQ(test, resim_standing(c, &act), DASH_STANDING_CURRENT);
}

static struct kunit_case resim_cases[] = {
	KUNIT_CASE(resim_test_eni),
	KUNIT_CASE(resim_test_vnet),
	KUNIT_CASE(resim_test_race),
	{}
};

static struct kunit_suite resim_suite = {
	.name = "dash_resim",
	.init = resim_test_init,
	.test_cases = resim_cases,
};

kunit_test_suite(resim_suite);
