// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>

#include "config.h"
#include "mapping.h"
#include "vnet.h"

struct dash_vnet *dash_vnet_alloc(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_mapping_set *set;
	struct dash_vnet *vnet;

	vnet = kzalloc(sizeof(*vnet), GFP_KERNEL_ACCOUNT);
	if (!vnet)
		return NULL;
	set = dash_mapping_set_alloc();
	if (!set) {
		kfree(vnet);
		return NULL;
	}
	vnet->dn = dn;
	vnet->sym = sym;
	vnet->name = sym->name;
	RCU_INIT_POINTER(vnet->set, set);
	return vnet;
}

void dash_vnet_free(struct dash_vnet *vnet)
{
	dash_mapping_set_free(rcu_dereference_protected(vnet->set, true));
	kfree(vnet);
}

void dash_vnet_publish(struct dash_vnet *vnet, const struct dash_row *row)
{
	WRITE_ONCE(vnet->vni, dash_row_u32(row, DASH_A_VNET_VNI, 0));
}

void dash_vnet_put_unused(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_vnet *vnet = sym->data;

	if (vnet && !vnet->staged && !sym->staged && list_empty(&sym->refs) &&
	    !dash_sym_next(sym)) {
		sym->data = NULL;
		dash_vnet_free(vnet);
	}
	dash_sym_put(dn, sym);
}
