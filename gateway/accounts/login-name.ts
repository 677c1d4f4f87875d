// Login names and passwords: what may be chosen, and the one form in which names are compared.
import { z } from 'zod';

/** 3 to 128 letters, digits and `. _ @ + -`, compared in NFKC and lower case. */
export const loginNameSchema = z
  .string()
  .max(512)
  .transform((typed) => typed.normalize('NFKC').trim().toLowerCase())
  .pipe(
    z
      .string()
      .min(3)
      .max(128)
      .regex(/^[\p{L}\p{N}\p{M}._@+-]+$/u, 'letters, digits and . _ @ + - only'),
  );

/** 10 to 256 characters, at least five of them different (length over composition rules: NIST SP 800-63B §3.1.1). */
export const passwordSchema = z
  .string()
  .min(10)
  .max(256)
  .refine((password) => new Set(password).size >= 5, 'too few different characters');
