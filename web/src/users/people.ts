/** Accounts as the page of people uses them. */

import { keepPreviousData, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { addMember, changeUser, createSignInLink, createUser, listUsers, removeMember } from "@/api/users";
import type { User } from "@/api/types";

const PEOPLE = ["people"];

export function usePeople(email: string) {
  return useInfiniteQuery({
    queryKey: [...PEOPLE, email],
    queryFn: ({ pageParam, signal }) => listUsers(email, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    placeholderData: keepPreviousData,
  });
}

function useChange<Input, Output>(mutationFn: (input: Input) => Promise<Output>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn, onSuccess: () => queries.invalidateQueries({ queryKey: PEOPLE }) });
}

export const useCreateUser = () => useChange(createUser);
export const useNewLink = () => useMutation({ mutationFn: createSignInLink });
export const useChangeUser = () =>
  useChange(({ id, ...change }: { id: string; is_admin?: boolean; disabled?: boolean }) => changeUser(id, change));

/** Makes the groups of a person those given: joins and leaves what differs. */
export const useSetGroups = () =>
  useChange(async ({ user, groups }: { user: User; groups: string[] }) => {
    for (const group of groups) if (!user.groups.includes(group)) await addMember(group, user.email);
    for (const group of user.groups) if (!groups.includes(group)) await removeMember(group, user.email);
  });
