'use strict';

const js = require('@eslint/js');
const globals = require('globals');

module.exports = [
  {
    // Generated, or TypeScript: tsc checks that with the strictest of its rules.
    ignores: ['binding.js', 'target/', '**/*.ts', '**/*.mts', '**/*.cts'],
  },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { ecmaVersion: 2024, globals: globals.node },
    rules: {
      'array-callback-return': 'error',
      'arrow-body-style': 'error',
      curly: ['error', 'multi-line'],
      'default-case-last': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'guard-for-in': 'error',
      'logical-assignment-operators': 'error',
      'no-constructor-return': 'error',
      'no-else-return': 'error',
      'no-eval': 'error',
      'no-extend-native': 'error',
      'no-implicit-coercion': ['error', { allow: ['!!'] }],
      'no-implied-eval': 'error',
      'no-invalid-this': 'error',
      'no-lone-blocks': 'error',
      'no-multi-assign': 'error',
      'no-new-func': 'error',
      'no-new-wrappers': 'error',
      'no-promise-executor-return': ['error', { allowVoid: true }],
      'no-return-assign': 'error',
      'no-self-compare': 'error',
      'no-sequences': 'error',
      'no-shadow': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unneeded-ternary': 'error',
      // `for await (const first of …) return first;` takes one, on purpose.
      'no-unreachable-loop': ['error', { ignore: ['ForOfStatement'] }],
      'no-unused-expressions': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-computed-key': 'error',
      'no-useless-concat': 'error',
      'no-useless-rename': 'error',
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'one-var': ['error', 'never'],
      'prefer-arrow-callback': 'error',
      'prefer-const': 'error',
      'prefer-object-has-own': 'error',
      'prefer-object-spread': 'error',
      'prefer-promise-reject-errors': 'error',
      'prefer-rest-params': 'error',
      'prefer-spread': 'error',
      'prefer-template': 'error',
      radix: 'error',
      strict: ['error', 'global'],
      yoda: 'error',
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { sourceType: 'module' },
  },
  {
    // What ships: warnings and errors reach the app by its logger or an event, and only one file
    // may load the native binding.
    files: ['index.js', 'utils.js', 'lib/**/*.js'],
    rules: {
      'no-console': 'error',
      'no-process-exit': 'error',
    },
  },
  {
    files: ['__test__/**'],
    rules: {
      // Tests throw, reject with and store whatever a user's code might.
      'no-throw-literal': 'off',
      'no-new-wrappers': 'off',
      'prefer-promise-reject-errors': 'off',
    },
  },
];
