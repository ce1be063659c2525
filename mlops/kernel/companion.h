/* A second thread for a call that is the only one: of two cores the other would rest meanwhile. */
#pragma once

/* Do the parts from `first` up to `stop`; `thread` is 0 or 1, for room of its own. */
typedef void Work(void *context, int first, int stop, int thread);

/* Begin a call, and return whether it has the companion: where it asks for it and no other thread calls. Each call
 * must end with `leave`. */
int enter(int asks);
void leave(int together);

/* Do `parts` parts of a work, `grain` at a time; where `together` the companion does some of them. What each writes must
 * not depend on who does it, nor when. */
void share(int together, Work *work, void *context, int parts, int grain);
