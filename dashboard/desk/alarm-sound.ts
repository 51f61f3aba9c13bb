import { computed, ref, watch } from 'vue';
import { redWaiting } from './inbox-data.ts';

const key = 'kanmen.sound';
/** Repeated until somebody takes the alert on: whoever stepped out for a minute must still hear it. */
const everyMs = 12_000;

export const soundWanted = ref(localStorage.getItem(key) !== 'off');
/** A browser lets a page sound only after somebody has touched it. */
export const soundAllowed = ref(false);
/** How often the alarm has sounded: for those who look, and for the test. */
export const sounded = ref(0);
export const soundSilent = computed(() => !soundWanted.value || !soundAllowed.value);

let context: AudioContext | null = null;

async function allow(): Promise<void> {
  context ??= new AudioContext();
  await context.resume();
  soundAllowed.value = context.state === 'running';
}

/** Three rising pairs of tones, made here: nothing to load, nothing to go missing. */
function ring(): void {
  if (!context || soundSilent.value) return;
  const start = context.currentTime + 0.02;
  for (let pair = 0; pair < 3; pair += 1) {
    [880, 1175].forEach((hertz, index) => {
      const at = start + pair * 0.55 + index * 0.2;
      const tone = new OscillatorNode(context as AudioContext, { type: 'triangle', frequency: hertz });
      const gain = new GainNode(context as AudioContext, { gain: 0 });
      // Soft edges, or each tone would click.
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.35, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + 0.19);
      tone.connect(gain).connect((context as AudioContext).destination);
      tone.start(at);
      tone.stop(at + 0.2);
    });
  }
  sounded.value += 1;
}

export function toggleSound(): void {
  if (!soundAllowed.value) {
    soundWanted.value = true;
    void allow();
  } else soundWanted.value = !soundWanted.value;
  localStorage.setItem(key, soundWanted.value ? 'on' : 'off');
}

/** Sounds at once for every new red alert, then again and again while one waits. Call it once. */
export function startAlarmSound(): void {
  // Signing in is a touch; after a reload the first click anywhere is.
  document.addEventListener('pointerdown', () => void allow());
  document.addEventListener('keydown', () => void allow());
  let repeating: ReturnType<typeof setInterval> | null = null;
  const known = new Set<string>();
  watch([redWaiting, soundSilent], ([waiting]) => {
    const fresh = waiting.filter((alert) => !known.has(alert.id));
    known.clear();
    for (const alert of waiting) known.add(alert.id);
    if (fresh.length > 0) ring();
    if (waiting.length > 0) repeating ??= setInterval(ring, everyMs);
    else if (repeating !== null) {
      clearInterval(repeating);
      repeating = null;
    }
  });
  // Sound that was forbidden when the alert came is made up for as soon as it is allowed.
  watch(soundSilent, (silent) => {
    if (!silent && redWaiting.value.length > 0) ring();
  });
}
