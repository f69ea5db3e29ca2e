/* SPDX-License-Identifier: GPL-2.0 */
/* A limit of events per second. */
#ifndef _DASH_BUCKET_H
#define _DASH_BUCKET_H

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct dash_bucket - token bucket, one second deep
 *
 * Tokens are counted in 1 / HZ, so that no rate is too small and nothing gets
 * lost in rounding.
 */
struct dash_bucket {
	/** @lock: guards the rest; BH off */
	spinlock_t lock;
	/** @tokens: events that may be now, times HZ */
	u64 tokens;
	/** @last: jiffies of the last refill */
	unsigned long last;
};

static inline void dash_bucket_init(struct dash_bucket *b)
{
	spin_lock_init(&b->lock);
	b->tokens = 0;
	b->last = jiffies - HZ;
}

/**
 * dash_bucket_take - is one more event within its rate?
 * @b: bucket
 * @rate: events per second, 0 is no limit
 *
 * Context: BH off.
 * Return: whether it is; then it is charged.
 */
static inline bool dash_bucket_take(struct dash_bucket *b, u32 rate)
{
	unsigned long now = jiffies;
	bool ok;

	if (!rate)
		return true;
	/* CPUs that all have to wait do not wait for each other */
	if (READ_ONCE(b->last) == now && READ_ONCE(b->tokens) < HZ)
		return false;

	spin_lock(&b->lock);
	/* another CPU's may be a moment ahead, which is no time */
	if (time_after(now, b->last)) {
		b->tokens += (u64)min_t(unsigned long, now - b->last, HZ) *
			     rate;
		b->tokens = min_t(u64, b->tokens, (u64)rate * HZ);
		b->last = now;
	}
	ok = b->tokens >= HZ;
	if (ok)
		b->tokens -= HZ;
	spin_unlock(&b->lock);
	return ok;
}

/**
 * dash_bucket_give - take an event back
 * @b: bucket
 * @rate: as when it was charged
 *
 * Context: BH off.
 */
static inline void dash_bucket_give(struct dash_bucket *b, u32 rate)
{
	if (!rate)
		return;
	spin_lock(&b->lock);
	b->tokens += HZ;
	spin_unlock(&b->lock);
}

#endif /* _DASH_BUCKET_H */
