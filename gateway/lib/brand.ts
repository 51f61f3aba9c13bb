declare const brand: unique symbol;

/** A value of type T that cannot be confused with another T: `Brand<string, 'AlertId'>`. Costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
