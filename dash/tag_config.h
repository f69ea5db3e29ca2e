/* SPDX-License-Identifier: GPL-2.0 */
/* Rows of prefix tags brought into the tables of tags. */
#ifndef _DASH_TAG_CONFIG_H
#define _DASH_TAG_CONFIG_H

struct dash_net;
struct dash_txn;

/**
 * dash_tags_init - prepare the tables of a new instance
 * @dn: zeroed instance
 */
void dash_tags_init(struct dash_net *dn);

/**
 * dash_tags_fini - free the tables
 * @dn: instance; no reader is left
 *
 * Context: process, may sleep.
 */
void dash_tags_fini(struct dash_net *dn);

/**
 * dash_tags_prepare - stage the tags that a transaction changes
 * @txn: transaction
 *
 * Context: dash_net.change held, not its lock; may sleep.
 * Return: 0, -E2BIG or -ENOMEM.
 */
int dash_tags_prepare(struct dash_txn *txn);

/**
 * dash_tags_unprepare - forget what was staged
 * @txn: transaction
 *
 * Context: dash_net.lock held, may sleep.
 */
void dash_tags_unprepare(struct dash_txn *txn);

/**
 * dash_tags_publish - let packets see what was staged
 * @txn: transaction
 *
 * Each family by a single store. A packet looks its two addresses up one after
 * the other; see dash_acl_tags() for how it gets both from one version.
 * Context: dash_net.lock held.
 */
void dash_tags_publish(struct dash_txn *txn);

/**
 * dash_tags_reap - free what was replaced
 * @txn: transaction
 *
 * A grace period has passed since publishing.
 * Context: dash_net.lock held, may sleep.
 */
void dash_tags_reap(struct dash_txn *txn);

#endif /* _DASH_TAG_CONFIG_H */
