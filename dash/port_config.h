/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of the table PORT: devices, under names that change. */
#ifndef _DASH_PORT_CONFIG_H
#define _DASH_PORT_CONFIG_H

struct dash_port;
struct dash_sym;
struct dash_txn;

/**
 * dash_port_config_check - is an ENI's vport its only one?
 * @txn: transaction
 * @sym: port; it exists in the end state
 *
 * Context: dash_net.lock held.
 * Return: 0 or -EEXIST.
 */
int dash_port_config_check(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_port_config_prepare - make ready what a row says
 * @txn: transaction
 * @sym: port; it exists in the end state
 *
 * Context: RTNL, dash_net.lock.
 * Return: 0 or an error, with its text.
 */
int dash_port_config_prepare(struct dash_txn *txn, struct dash_sym *sym);

/**
 * dash_port_config_unprepare - forget what was prepared
 * @sym: port
 *
 * One that did not exist before keeps its data.
 * Context: dash_net.lock held.
 */
void dash_port_config_unprepare(struct dash_sym *sym);

/**
 * dash_port_config_publish - detach and attach what a transaction says
 * @txn: transaction
 *
 * Context: RTNL if any port is concerned, dash_net.lock.
 */
void dash_port_config_publish(struct dash_txn *txn);

/**
 * dash_port_config_gone - detach a device that goes, and drop its row
 * @port: attached device
 *
 * Context: RTNL; takes dn->lock.
 */
void dash_port_config_gone(struct dash_port *port);

/**
 * dash_port_config_renamed - move the row of a device to its new name
 * @port: attached device
 *
 * Where that cannot be, because another namespace's device has that name
 * already or there is no memory, the device is detached.
 * Context: RTNL; takes dn->lock.
 */
void dash_port_config_renamed(struct dash_port *port);

#endif /* _DASH_PORT_CONFIG_H */
