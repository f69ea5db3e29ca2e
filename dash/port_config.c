// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of the table PORT: devices, under names that change.
 *
 * A vport may be in another network namespace than the instance. The row has
 * what the user calls that, to be saved, and its id, by which it is found when
 * the row is set; a device that was found is known by itself.
 */
#include <linux/capability.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "config.h"
#include "event.h"
#include "memory.h"
#include "port.h"
#include "port_config.h"

static struct dash_eni *dash_port_eni(struct dash_txn *txn,
				      const struct dash_row *row)
{
	struct dash_sym *sym;

	sym = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_ENI,
			      dash_row_get(row, DASH_A_PORT_ENI));
	return sym ? sym->data : NULL;
}

int dash_port_config_check(struct dash_txn *txn, struct dash_sym *sym)
{
	const struct dash_row *row = dash_sym_next(sym);
	const struct dash_ref *ref;
	struct dash_sym *eni;

	eni = dash_sym_of_nla(txn->dn, DASH_OBJECT_TYPE_ENI,
			      dash_row_get(row, DASH_A_PORT_ENI));
	if (!eni)
		return 0;
	list_for_each_entry(ref, &eni->refs, list) {
		if (!ref->row || ref->row->type != DASH_OBJECT_TYPE_PORT ||
		    ref->row == row ||
		    dash_sym_next(ref->row->sym) != ref->row)
			continue;
		return dash_txn_fail(txn, -EEXIST,
				     "eni: DASH_ENI_TABLE:%s has the vport PORT:%s",
				     eni->name, ref->row->sym->name);
	}
	return 0;
}

/* The namespace that a row means, with a reference, or ERR_PTR. */
static struct net *dash_port_net(struct dash_txn *txn,
				 const struct dash_row *row, const char **errp)
{
	const struct nlattr *id = dash_row_get(row, DASH_A_PORT_NSID);
	struct net *net;

	if (!id)
		return get_net(txn->dn->net);

	net = get_net_ns_by_id(txn->dn->net, nla_get_u32(id));
	if (!net) {
		*errp = "netns: no such network namespace";
		return ERR_PTR(-ENOENT);
	}
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN)) {
		put_net(net);
		*errp = "netns: not permitted to use its devices";
		return ERR_PTR(-EPERM);
	}
	return net;
}

int dash_port_config_prepare(struct dash_txn *txn, struct dash_sym *sym)
{
	struct dash_port *old = sym->data, *port;
	const char *why = "";
	struct net *net;

	txn->row = sym->next;
	net = dash_port_net(txn, sym->next, &why);
	if (IS_ERR(net))
		return dash_txn_fail(txn, PTR_ERR(net), "%s", why);

	if (old && net_eq(dev_net(old->dev), net) &&
	    old->eni == dash_port_eni(txn, sym->next) &&
	    !old->eni == !dash_row_get(sym->next, DASH_A_PORT_ENI)) {
		/* nothing is different */
		put_net(net);
		return 0;
	}
	port = dash_port_alloc(txn->dn, net, sym->name, old, &why);
	/* RTNL keeps the device from going until it is attached */
	put_net(net);
	if (IS_ERR(port))
		return dash_txn_fail(txn, PTR_ERR(port), "%s", why);
	if (old)
		old->next = port;
	else
		sym->data = port;
	return 0;
}

void dash_port_config_unprepare(struct dash_sym *sym)
{
	struct dash_port *port = sym->data;

	if (!port || !port->next)
		return;
	dash_port_free(port->next);
	port->next = NULL;
}

void dash_port_config_publish(struct dash_txn *txn)
{
	struct dash_port *port;
	struct dash_sym *sym;

	list_for_each_entry(sym, &txn->syms, staged_list) {
		port = sym->type == DASH_OBJECT_TYPE_PORT ? sym->data : NULL;
		if (!port || (!sym->doomed && !port->next))
			continue;
		sym->data = port->next;
		sym->doomed = false;
		dash_port_detach(port);
	}
	/* an ENI's former vport is gone by now */
	list_for_each_entry(sym, &txn->syms, staged_list) {
		port = sym->type == DASH_OBJECT_TYPE_PORT ? sym->data : NULL;
		if (port && !port->attached)
			dash_port_attach(port, dash_port_eni(txn, sym->next));
	}
}

/* --- what happens to devices --- */

static struct dash_sym *dash_port_sym(const struct dash_port *port)
{
	struct dash_sym *sym;
	unsigned long id;

	xa_for_each(&port->dn->by_id[DASH_OBJECT_TYPE_PORT], id, sym)
		if (sym->data == port)
			return sym;
	return NULL;
}

static void dash_port_drop_row(struct dash_net *dn, struct dash_sym *sym,
			       const char *renamed)
{
	struct dash_event_config *ev = dash_event_config_begin(dn);
	struct dash_row *row = dash_dereference(dn, sym->cur);

	dn->row_bytes -= dash_memory_of_row(sym, row);
	RCU_INIT_POINTER(sym->cur, NULL);
	WRITE_ONCE(dn->gen, dn->gen + 1);
	dash_event_config_note(ev, DASH_OBJECT_TYPE_PORT, true, sym->name);
	if (renamed)
		dash_event_config_note(ev, DASH_OBJECT_TYPE_PORT, false,
				       renamed);
	dash_event_config_end(ev, true);
	if (row) {
		dash_refs_unlink(dn, row);
		synchronize_net();
		dash_row_free(row);
	}
	dash_sym_put(dn, sym);
}

static void dash_port_drop(struct dash_net *dn, struct dash_sym *sym)
{
	struct dash_port *port = sym->data;

	WRITE_ONCE(sym->data, NULL);
	dash_port_detach(port);
	dash_port_drop_row(dn, sym, NULL);
}

void dash_port_config_gone(struct dash_port *port)
{
	struct dash_net *dn = port->dn;
	struct dash_sym *sym;

	mutex_lock(&dn->lock);
	sym = dash_port_sym(port);
	if (sym)
		dash_port_drop(dn, sym);
	mutex_unlock(&dn->lock);
}

/* The same row under another name. */
static struct dash_row *dash_port_row(const struct dash_row *old,
				      struct dash_sym *sym)
{
	int rem, i, len = strlen(sym->name) + 1;
	const struct nlattr *pos;
	struct dash_row *row;
	struct nlattr *nla;

	row = kvzalloc(struct_size(row, data, nla_total_size(len) + old->len),
		       GFP_KERNEL_ACCOUNT);
	if (!row)
		return NULL;
	if (old->n_refs) {
		row->refs = kvcalloc(old->n_refs, sizeof(*row->refs),
				     GFP_KERNEL_ACCOUNT);
		if (!row->refs) {
			kvfree(row);
			return NULL;
		}
	}
	row->type = old->type;
	row->attrs = row->data;
	row->sym = sym;
	nla = (struct nlattr *)row->data;
	nla->nla_type = DASH_A_PORT_NAME;
	nla->nla_len = nla_attr_size(len);
	memcpy(nla_data(nla), sym->name, len);
	row->len = nla_total_size(len);
	dash_row_for_each(pos, old, rem) {
		if (nla_type(pos) == DASH_A_PORT_NAME)
			continue;
		memcpy(row->data + row->len, pos, pos->nla_len);
		row->len += NLA_ALIGN(pos->nla_len);
	}
	row->whole = row->len;
	for (i = 0; i < old->n_refs; i++) {
		row->refs[i] = old->refs[i];
		row->refs[i].row = row;
		list_add_tail(&row->refs[i].list, &row->refs[i].sym->refs);
		row->n_refs++;
	}
	return row;
}

/* Without memory the device is detached, which is better than a row that says
 * something else than what is.
 */
void dash_port_config_renamed(struct dash_port *port)
{
	struct dash_net *dn = port->dn;
	struct dash_row *row = NULL;
	struct dash_sym *old, *sym;

	mutex_lock(&dn->lock);
	old = dash_port_sym(port);
	if (!old)
		goto unlock;

	sym = dash_sym_get(dn, DASH_OBJECT_TYPE_PORT, port->dev->name);
	if (IS_ERR(sym)) {
		dash_port_drop(dn, old);
		goto unlock;
	}
	if (!rcu_access_pointer(sym->cur))
		row = dash_port_row(dash_dereference(dn, old->cur), sym);
	if (row && !sym->id &&
	    xa_insert(&dn->by_id[sym->type], dn->next_id[sym->type] + 1, sym,
		      GFP_KERNEL_ACCOUNT)) {
		dash_refs_unlink(dn, row);
		dash_row_free(row);
		row = NULL;
	}
	if (!row) {
		dash_sym_put(dn, sym);
		dash_port_drop(dn, old);
		goto unlock;
	}
	if (!sym->id)
		sym->id = ++dn->next_id[sym->type];

	row->gen = dn->gen + 1;
	sym->data = port;
	old->data = NULL;
	rcu_assign_pointer(sym->cur, row);
	dn->row_bytes += dash_memory_of_row(sym, row);
	dash_port_drop_row(dn, old, sym->name);
unlock:
	mutex_unlock(&dn->lock);
}
