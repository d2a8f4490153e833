// These files are compiled and never run. Each positive statement must compile; each line below an
// expected error must not. A negative case stands on one line beside a positive one that differs in
// nothing else, so that it cannot fail for another reason.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `typeOf(value).is<T>()` compiles only if the type of `value` is exactly `T`. */
export declare function typeOf<A>(value: A): {
  is<B>(...unless: Same<A, B> extends true ? [] : [expected: B, found: A]): void;
};
