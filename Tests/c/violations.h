/* A library that breaks the real-time contract on purpose: each proof must catch it, or proves nothing. */
#ifndef VIOLATIONS_H
#define VIOLATIONS_H

#define VIOLATIONS 5
extern const char *const violation_names[VIOLATIONS];

/* Does violation_names[which], as code inside a shared library would. */
void violate(int which);

#endif
