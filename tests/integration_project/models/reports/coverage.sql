select 'roof' as covered
