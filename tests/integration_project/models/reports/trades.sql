select 'carpenter' as trade
