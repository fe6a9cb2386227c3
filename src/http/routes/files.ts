import { resolve } from 'node:path';
import express, { type RequestHandler } from 'express';

/**
 * `GET /:name`: results that a provider sent as bytes. The name is the permission: 160 bits that
 * nobody can guess. No listing, and drafts (which begin with a dot) are never served.
 */
export function fileRoutes(folder: string): RequestHandler {
  return express.static(resolve(folder), {
    dotfiles: 'ignore',
    index: false,
    redirect: false,
    immutable: true,
    maxAge: '1d',
  });
}
